/** Scopes of Dropbox (https://developers.dropbox.com/oauth-guide#dropbox-api-permissions). */

/** What the page of consent says about a scope. */
export const SCOPE_TEXTS: Record<string, string> = {
  openid: 'Associate you with your Dropbox identity',
  email: 'See your e-mail address',
  profile: 'See your name',
  'account_info.read': 'See your account: name, e-mail address and room',
  'files.metadata.read': 'See information about your files and folders',
  'files.content.read': 'See the content of your files and folders',
  'files.content.write': 'Edit the content of your files and folders',
}
/** Scopes that only say who somebody is. */
export const IDENTITY_SCOPES: readonly string[] = ['openid', 'email', 'profile']

/** Every app has it: it cannot be unticked in the App Console. */
export const ACCOUNT_SCOPE = 'account_info.read'

/** "If not specified, all scopes available for the app"; those of OpenID Connect are given on request only. */
export const APP_SCOPES: readonly string[] = Object.keys(SCOPE_TEXTS).filter(
  (scope) => !IDENTITY_SCOPES.includes(scope),
)
