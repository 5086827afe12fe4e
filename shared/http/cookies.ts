/** Cookies of the app: `__Host-` and `Secure` wherever the origin is https (security rule 4). */

export type CookieName = 'portage_session' | 'portage_oauth'

function wireName(name: CookieName, origin: string): string {
  return origin.startsWith('https://') ? `__Host-${name}` : name
}

/** A `Set-Cookie` value; `maxAgeSeconds` 0 removes the cookie. */
export function setCookie(
  name: CookieName,
  value: string,
  options: { origin: string; maxAgeSeconds: number },
): string {
  const secure = options.origin.startsWith('https://') ? '; Secure' : ''
  return `${wireName(name, options.origin)}=${value}; Max-Age=${options.maxAgeSeconds}; Path=/; HttpOnly; SameSite=Lax${secure}`
}

/** Value of a cookie among those that the gateway hands over as `name=value`. */
export function readCookie(
  cookies: string[] | undefined,
  name: CookieName,
  origin: string,
): string | undefined {
  const prefix = `${wireName(name, origin)}=`
  return cookies?.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length)
}
