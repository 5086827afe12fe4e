/**
 * `/o/oauth2/v2/auth` and `/o/oauth2/auth` in Google's manner.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
import { type AuthorizeManner, invalidRequest } from '../authorize.ts'
import { splitScopes } from '../oauth-store.ts'
import { grantedScopes, IDENTITY_SCOPES, SCOPE_TEXTS } from './scopes.ts'

export const GOOGLE_AUTHORIZE: AuthorizeManner<'nonce' | 'access_type' | 'prompt' | 'login_hint'> =
  {
    providerName: 'Google',
    members: ['nonce', 'access_type', 'prompt', 'login_hint'],
    scopeTexts: SCOPE_TEXTS,
    identityScopes: IDENTITY_SCOPES,
    refusals: {
      noClientId: {
        code: 'invalid_request',
        sentence: 'Missing required parameter: client_id',
      },
      unknownClient: {
        code: 'invalid_client',
        sentence: 'The OAuth client was not found.',
        status: 401,
      },
      noRedirectUri: {
        code: 'invalid_request',
        sentence: 'Missing required parameter: redirect_uri',
      },
      otherRedirectUri: {
        code: 'redirect_uri_mismatch',
        sentence:
          'The redirect URI in the request does not match the ones authorised for the OAuth client.',
      },
    },
    denial: {},

    scopesOf(asked) {
      if (asked.length === 0) throw invalidRequest('Missing required parameter: scope')
      return asked
    },

    /** RFC 9207 */
    signature: ({ issuer }) => ({ iss: issuer() }),

    withoutPage: ({ members }) =>
      members.prompt === 'none' ? { error: 'interaction_required' } : undefined,

    /** `login_hint` is an e-mail address or a `sub`. */
    preselected({ accounts }, { members: { login_hint: hint } }) {
      return hint === undefined ? undefined : (accounts.byEmail(hint) ?? accounts.byId(hint))
    },

    grant({ oauth }, { members, client: { clientId }, redirectUri }, { id: accountId }, granted) {
      const before = oauth.consent(accountId, clientId)
      const earlier = members.include_granted_scopes === 'true' ? before.scopes : []
      const asked = [...new Set([...granted, ...earlier])]
      const scopes = grantedScopes(asked)
      const offline = members.access_type === 'offline'
      // "the refresh_token is only returned on the first authorization from the user"
      // https://developers.google.com/identity/protocols/oauth2/web-server#offline
      const asksAnew = splitScopes(members.prompt).includes('consent')
      oauth.rememberConsent({ accountId, clientId, scopes: granted }, offline)
      const code = oauth.createCode({
        accountId,
        clientId,
        scopes,
        redirectUri,
        nonce: members.nonce,
        challenge: members.code_challenge,
        challengeMethod: members.code_challenge_method,
        withRefresh: offline && (!before.offline || asksAnew),
      })
      // The browser brings back both spellings: `email profile openid https://…/userinfo.email …`.
      return { code, scope: [...new Set([...asked, ...scopes])].join(' ') }
    },
  }
