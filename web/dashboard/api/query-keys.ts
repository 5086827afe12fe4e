/** Every key of the query cache, so that what is invalidated is what was read. */
export const QUERY_KEYS = {
  session: ['session'],
  providers: ['providers'],
  accounts: ['accounts'],
  portals: ['portals'],
  portalPages: ['portals', 'pages'],
  everyPortal: ['portals', 'every'],
  portal: (id: string) => ['portals', 'one', id],
  uploads: ['uploads'],
  uploadsOf: (filters: Record<string, string>) => ['uploads', 'list', filters],
  upload: (id: string) => ['uploads', 'one', id],
  profile: ['settings', 'profile'],
  notifications: ['settings', 'notifications'],
  eventsOf: (subjectId: string) => ['events', subjectId],
  recentUploads: ['uploads', 'recent'],
  filesOfAccount: (id: string) => ['uploads', 'count', id],
} as const

/** For `invalidateQueries` after a change whose consequences reach every page. */
export function isNotSession({ queryKey }: { queryKey: readonly unknown[] }): boolean {
  return queryKey[0] !== QUERY_KEYS.session[0]
}
