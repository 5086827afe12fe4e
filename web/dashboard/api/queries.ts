import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { listAccounts, listPortals } from './client.ts'
import { QUERY_KEYS } from './query-keys.ts'

export function useAccounts() {
  return useQuery({
    queryKey: QUERY_KEYS.accounts,
    queryFn: ({ signal }) => listAccounts(signal),
  })
}

export function usePortals() {
  return useInfiniteQuery({
    queryKey: QUERY_KEYS.portals,
    queryFn: ({ pageParam, signal }) => listPortals(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    select: ({ pages }) => pages.flatMap(({ entries }) => entries),
  })
}
