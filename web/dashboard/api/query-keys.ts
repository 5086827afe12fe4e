/** Every key of the query cache, so that what is invalidated is what was read. */
export const QUERY_KEYS = {
  session: ['session'],
  accounts: ['accounts'],
  portals: ['portals'],
  uploads: ['uploads'],
  uploadsOf: (portalId: string | undefined) => ['uploads', 'list', portalId ?? 'all'],
  recentUploads: ['uploads', 'recent'],
} as const
