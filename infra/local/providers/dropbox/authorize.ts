/**
 * `/oauth2/authorize` in Dropbox's manner.
 * https://www.dropbox.com/developers/documentation/http/documentation#oauth2-authorize
 */
import { AuthorizationError, type AuthorizeManner, invalidRequest } from '../authorize.ts'
import { ACCOUNT_SCOPE, APP_SCOPES, IDENTITY_SCOPES, SCOPE_TEXTS } from './scopes.ts'

/** "up to 2000 bytes of arbitrary data that will be passed back to your redirect URI". */
const MAX_STATE_BYTES = 2000

export const DROPBOX_AUTHORIZE: AuthorizeManner<'token_access_type'> = {
  providerName: 'Dropbox',
  members: ['token_access_type'],
  scopeTexts: SCOPE_TEXTS,
  identityScopes: IDENTITY_SCOPES,
  refusals: {
    noClientId: { code: 'invalid_request', sentence: 'Missing client_id.' },
    unknownClient: { code: 'invalid_client', sentence: 'Invalid client_id.' },
    noRedirectUri: {
      code: 'invalid_request',
      sentence: 'Missing redirect_uri: codes are not shown.',
    },
    otherRedirectUri: {
      code: 'invalid_redirect_uri',
      sentence: 'The redirect_uri must exactly match one of the redirect URIs of the app.',
    },
  },
  denial: {
    error_description: 'The user chose not to give your app access to their Dropbox account.',
  },

  scopesOf(asked, { state = '', token_access_type, include_granted_scopes }) {
    if (Buffer.byteLength(state) > MAX_STATE_BYTES) {
      throw invalidRequest('The state is longer than 2000 bytes.')
    }
    if (!['online', 'offline', undefined].includes(token_access_type)) {
      throw invalidRequest('Invalid token_access_type.')
    }
    if (!['user', 'team', undefined].includes(include_granted_scopes)) {
      throw invalidRequest('Invalid include_granted_scopes.')
    }
    const scopes = asked.length === 0 ? [...APP_SCOPES] : asked
    checkScopes(scopes)
    return scopes
  },

  grant({ oauth }, { members, client: { clientId }, redirectUri }, { id: accountId }, granted) {
    const earlier =
      members.include_granted_scopes === 'user' ? oauth.consent(accountId, clientId).scopes : []
    const scopes = [...new Set([ACCOUNT_SCOPE, ...granted, ...earlier])]
    const offline = members.token_access_type === 'offline'
    oauth.rememberConsent({ accountId, clientId, scopes }, offline)
    const code = oauth.createCode({
      accountId,
      clientId,
      scopes,
      redirectUri,
      challenge: members.code_challenge,
      challengeMethod: members.code_challenge_method,
      withRefresh: offline,
    })
    return { code }
  },
}

function checkScopes(scopes: string[]): void {
  const unknown = scopes.find((scope) => !Object.hasOwn(SCOPE_TEXTS, scope))
  if (unknown !== undefined) throw invalidScope(`The app does not have the scope ${unknown}.`)
  // "be sure to select the openid scope and at least one of profile or email": https://developers.dropbox.com/oidc-guide
  const names = scopes.includes('email') || scopes.includes('profile')
  if (scopes.includes('openid') !== names) {
    throw invalidScope('openid needs email or profile, and they need it.')
  }
}

function invalidScope(sentence: string): AuthorizationError {
  return new AuthorizationError({ code: 'invalid_scope', sentence })
}
