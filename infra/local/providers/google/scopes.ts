/** Scopes as Google spells them when it answers. */

const USERINFO = 'https://www.googleapis.com/auth/userinfo.'
/** Short names of OpenID Connect that Google answers with its own address for. */
const ADDRESSES: Record<string, string> = {
  email: `${USERINFO}email`,
  profile: `${USERINFO}profile`,
}

/** What the page of consent says about a scope. */
export const SCOPE_TEXTS: Record<string, string> = {
  openid: 'Associate you with your personal info on Google',
  email: 'See your primary e-mail address',
  profile: 'See your name and picture',
  'https://www.googleapis.com/auth/userinfo.email': 'See your primary e-mail address',
  'https://www.googleapis.com/auth/userinfo.profile': 'See your name and picture',
  'https://www.googleapis.com/auth/drive.file':
    'See, edit, create and delete only the Drive files you use with this app',
  'https://www.googleapis.com/auth/drive': 'See, edit, create and delete all of your Drive files',
  'https://www.googleapis.com/auth/drive.readonly': 'See and download all of your Drive files',
  'https://www.googleapis.com/auth/drive.metadata.readonly':
    'See information about your Drive files',
}
/** Both spellings of the scopes that say who somebody is. */
export const IDENTITY_SCOPES: readonly string[] = ['openid', ...Object.entries(ADDRESSES).flat()]

/**
 * The scopes of a token: `email` and `profile` become addresses, and either brings `openid` along,
 * also where it was not asked for. https://developers.google.com/identity/protocols/oauth2/scopes#openid-connect
 */
export function grantedScopes(scopes: readonly string[]): string[] {
  const spelt = scopes.map((scope) => ADDRESSES[scope] ?? scope)
  const identifies = spelt.some((scope) => scope.startsWith(USERINFO))
  return [...new Set([...spelt, ...(identifies ? ['openid'] : [])])]
}
