/** Scopes as Google spells them when it answers. */

const USERINFO = 'https://www.googleapis.com/auth/userinfo.'
/** Short names of OpenID Connect that Google answers with its own address for. */
const ADDRESSES: Record<string, string> = {
  email: `${USERINFO}email`,
  profile: `${USERINFO}profile`,
}

export function splitScopes(text: unknown): string[] {
  return [...new Set(String(text ?? '').split(' '))].filter((scope) => scope !== '')
}

/**
 * The scopes of a token: `email` and `profile` become addresses, and either brings `openid` along,
 * also where it was not asked for. https://developers.google.com/identity/protocols/oauth2/scopes#openid-connect
 */
export function grantedScopes(scopes: readonly string[]): string[] {
  const spelt = scopes.map((scope) => ADDRESSES[scope] ?? scope)
  const identifies = spelt.some((scope) => scope.startsWith(USERINFO))
  return [...new Set([...spelt, ...(identifies ? ['openid'] : [])])]
}
