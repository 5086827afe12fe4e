import type { QueryClient } from '@tanstack/react-query'
import { accountsQuery, portalPagesQuery } from './api/queries.ts'
import { sessionQuery } from './api/session.ts'
import { recentUploadsQuery } from './files/use-uploads.ts'

/**
 * Asks what the first page will need before there is a page: otherwise each question would wait for
 * the answer to the one before. Who is not signed in is refused once more and sees nothing of it.
 */
export function askAhead(queryClient: QueryClient, pathname: string): void {
  void queryClient.prefetchQuery(sessionQuery)
  if (pathname !== '/') return
  void queryClient.prefetchQuery(accountsQuery)
  void queryClient.prefetchInfiniteQuery(portalPagesQuery)
  void queryClient.prefetchQuery(recentUploadsQuery)
}
