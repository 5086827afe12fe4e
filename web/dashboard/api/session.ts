import {
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  useQuery,
} from '@tanstack/react-query'
import { ApiProblem } from '../../common/api-problem.ts'
import { getSession } from './client.ts'
import { Unreachable } from './explain-problem.ts'
import { QUERY_KEYS } from './query-keys.ts'

const MAX_RETRIES = 3

/** What the API refuses stays refused; only what may pass is asked again. */
function mayPass(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiProblem && error.status >= 500)
}

export function createQueryClient(): QueryClient {
  const onError = (error: unknown) => {
    // The session ended elsewhere: every page leads to the sign-in at once.
    if (error instanceof ApiProblem && error.status === 401) {
      client.setQueryData(QUERY_KEYS.session, null)
    }
  }
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (failures, error) => failures < MAX_RETRIES && mayPass(error),
      },
    },
  })
  return client
}

/** Who is signed in; null for nobody. */
export const sessionQuery = queryOptions({
  queryKey: QUERY_KEYS.session,
  queryFn: ({ signal }) => getSession(signal),
  staleTime: 5 * 60_000,
})

export function useSession() {
  return useQuery(sessionQuery)
}
