import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { listUploads } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { isListed, pollIntervalMs } from './upload-status.ts'

/** The files as they are now. TanStack Query looks again only while the page is visible. */
export function useUploads(filters: Record<string, string>) {
  return useInfiniteQuery({
    queryKey: QUERY_KEYS.uploadsOf(filters),
    queryFn: ({ pageParam, signal }) => listUploads({ ...filters, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    select: ({ pages }) => pages.flatMap(({ entries }) => entries).filter(isListed),
    refetchInterval: ({ state: { data } }) => {
      const pages = data?.pages ?? []
      return pollIntervalMs(
        pages.flatMap(({ entries }) => entries),
        pages.length,
        Date.now(),
      )
    },
  })
}

const RECENT_FILES = '20'

export const recentUploadsQuery = queryOptions({
  queryKey: QUERY_KEYS.recentUploads,
  queryFn: ({ signal }) => listUploads({ limit: RECENT_FILES }, signal),
})

export function useRecentUploads() {
  return useQuery({
    ...recentUploadsQuery,
    select: ({ entries }) => entries.filter(isListed),
    refetchInterval: ({ state: { data } }) => pollIntervalMs(data?.entries ?? [], 1, Date.now()),
  })
}
