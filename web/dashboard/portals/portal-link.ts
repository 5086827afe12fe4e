/** What clients are given. */
export function portalLink(slug: string): string {
  return `${window.location.origin}/p/${slug}`
}
