/** Where a flow may end: a path of the app, never another origin and never the API; anything else is `/`. */
export function safeReturnTo(returnTo: string | undefined, origin: string): string {
  if (!returnTo?.startsWith('/')) return '/'
  let url: URL
  try {
    url = new URL(returnTo, origin)
  } catch {
    return '/'
  }
  // `/.//host` is a path here, but as a Location of its own `//host` leads to another origin.
  const foreign = url.origin !== origin || url.pathname.startsWith('//')
  if (foreign || /^\/+api(\/|$)/i.test(decodedPath(url))) return '/'
  return `${url.pathname}${url.search}${url.hash}`
}

function decodedPath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname)
  } catch {
    return '/api/'
  }
}
