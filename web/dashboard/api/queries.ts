import {
  infiniteQueryOptions,
  queryOptions,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { listAccounts, listPortals } from './client.ts'
import { QUERY_KEYS } from './query-keys.ts'

export const accountsQuery = queryOptions({
  queryKey: QUERY_KEYS.accounts,
  queryFn: ({ signal }) => listAccounts(signal),
})

export function useAccounts() {
  return useQuery(accountsQuery)
}

export const portalPagesQuery = infiniteQueryOptions({
  queryKey: QUERY_KEYS.portalPages,
  queryFn: ({ pageParam, signal }) => listPortals(pageParam, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.nextCursor ?? undefined,
})

export function usePortals() {
  return useInfiniteQuery({
    ...portalPagesQuery,
    select: ({ pages }) => pages.flatMap(({ entries }) => entries),
  })
}

/** A runaway list ends here; 20 pages are 2,000 portals. */
const MOST_PAGES = 20

/** Every portal at once, for what names or counts them. */
export function useEveryPortal() {
  return useQuery({
    queryKey: QUERY_KEYS.everyPortal,
    queryFn: async ({ signal }) => {
      const portals: PortalReply[] = []
      let cursor: string | null | undefined
      for (let page = 0; page < MOST_PAGES && cursor !== null; page += 1) {
        const { entries, nextCursor } = await listPortals(cursor, signal)
        portals.push(...entries)
        cursor = nextCursor
      }
      return portals
    },
  })
}
