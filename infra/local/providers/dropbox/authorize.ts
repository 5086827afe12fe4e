/**
 * `/oauth2/authorize`: GET shows the consent page, POST is its form.
 * https://www.dropbox.com/developers/documentation/http/documentation#oauth2-authorize
 */
import { authorizationErrorPage, consentPage } from '../consent-page.ts'
import { type Exchange, htmlReply, type Reply, readForm } from '../exchange.ts'
import type { OAuthClient } from '../oauth-client.ts'
import type { AccountStore } from './account-store.ts'
import type { OAuthStore } from './oauth-store.ts'
import { ACCOUNT_SCOPE, APP_SCOPES, IDENTITY_SCOPES, SCOPE_TEXTS, splitScopes } from './scopes.ts'

/** Members of an authorisation request; the form carries them through. */
const REQUEST_MEMBERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'state',
  'token_access_type',
  'include_granted_scopes',
  'code_challenge',
  'code_challenge_method',
] as const
type RequestMember = (typeof REQUEST_MEMBERS)[number]

/** "up to 2000 bytes of arbitrary data that will be passed back to your redirect URI". */
const MAX_STATE_BYTES = 2000

export interface AuthorizeParts {
  accounts: AccountStore
  oauth: OAuthStore
  clients: Map<string, OAuthClient>
}

interface AuthorizationRequest {
  members: Partial<Record<RequestMember, string>>
  client: OAuthClient
  redirectUri: string
  scopes: string[]
}

/** A request that cannot be answered by a redirect. */
class AuthorizationError extends Error {
  override name = 'AuthorizationError' as const
  readonly code: string

  constructor(code: string, sentence: string) {
    super(sentence)
    this.code = code
  }
}

export async function handleAuthorize(parts: AuthorizeParts, exchange: Exchange): Promise<Reply> {
  try {
    if (exchange.method === 'POST') {
      exchange.operation = 'oauth.consent'
      return decide(parts, exchange, await readForm(exchange))
    }
    exchange.operation = 'oauth.authorize'
    return showConsent(parts, parseRequest(parts, exchange.url.searchParams))
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    return htmlReply(400, authorizationErrorPage(error.code, error.message))
  }
}

function showConsent(parts: AuthorizeParts, request: AuthorizationRequest): Reply {
  const page = consentPage({
    providerName: 'Dropbox',
    scopeTexts: SCOPE_TEXTS,
    identityScopes: IDENTITY_SCOPES,
    action: '/oauth2/authorize',
    clientId: request.client.clientId,
    accounts: parts.accounts.all(),
    preselected: undefined,
    scopes: request.scopes,
    hidden: { ...request.members, requested_scope: request.scopes.join(' ') },
  })
  return htmlReply(200, page)
}

function decide(parts: AuthorizeParts, exchange: Exchange, form: URLSearchParams): Reply {
  const merged = new URLSearchParams(exchange.url.searchParams)
  for (const member of REQUEST_MEMBERS) {
    const value = form.get(member)
    if (value !== null) merged.set(member, value)
  }
  const requestedScope = form.get('requested_scope')
  if (requestedScope !== null) merged.set('scope', requestedScope)
  const request = parseRequest(parts, merged)

  const decision = form.get('decision')
  if (decision === 'deny') {
    const error_description = 'The user chose not to give your app access to their Dropbox account.'
    return redirect(request, { error: 'access_denied', error_description })
  }
  if (decision !== 'allow') {
    throw new AuthorizationError('invalid_request', 'Choose whether to allow or deny access.')
  }
  const account = parts.accounts.byEmail(form.get('account') ?? '')
  if (!account) throw new AuthorizationError('invalid_request', 'There is no such account.')
  exchange.account = account.email

  const ticked = form.getAll('scope').flatMap(splitScopes)
  const everything = ticked.length === 0 && !form.has('scopes_shown')
  const granted = request.scopes.filter((scope) => everything || ticked.includes(scope))
  if (granted.length === 0) return redirect(request, { error: 'access_denied' })
  return redirect(request, { code: grant(parts, request, account.accountId, granted) })
}

function grant(
  parts: AuthorizeParts,
  request: AuthorizationRequest,
  accountId: string,
  granted: string[],
): string {
  const { members } = request
  const clientId = request.client.clientId
  const earlier =
    members.include_granted_scopes === 'user'
      ? parts.oauth.consentedScopes(accountId, clientId)
      : []
  const scopes = [...new Set([ACCOUNT_SCOPE, ...granted, ...earlier])]
  parts.oauth.rememberConsent({ accountId, clientId, scopes })
  return parts.oauth.createCode({
    accountId,
    clientId,
    scopes,
    redirectUri: request.redirectUri,
    challenge: members.code_challenge,
    challengeMethod: members.code_challenge_method,
    offline: members.token_access_type === 'offline',
  })
}

function parseRequest(parts: AuthorizeParts, input: URLSearchParams): AuthorizationRequest {
  const members: AuthorizationRequest['members'] = {}
  for (const member of REQUEST_MEMBERS) {
    const value = input.get(member)
    if (value !== null) members[member] = value
  }
  if (!members.client_id) {
    throw new AuthorizationError('invalid_request', 'Missing client_id.')
  }
  const client = parts.clients.get(members.client_id)
  if (!client) throw new AuthorizationError('invalid_client', 'Invalid client_id.')
  const redirectUri = members.redirect_uri
  if (!redirectUri) {
    throw new AuthorizationError('invalid_request', 'Missing redirect_uri: codes are not shown.')
  }
  // "Redirect URIs must exactly match": https://developers.dropbox.com/oauth-guide
  if (!client.redirectUris.includes(redirectUri)) {
    throw new AuthorizationError(
      'invalid_redirect_uri',
      'The redirect_uri must exactly match one of the redirect URIs of the app.',
    )
  }
  if (members.response_type !== 'code') {
    throw new AuthorizationError('invalid_request', 'Invalid response_type: only code is served.')
  }
  checkMembers(members)
  const asked = splitScopes(input.get('scope'))
  const scopes = asked.length === 0 ? [...APP_SCOPES] : asked
  checkScopes(scopes)
  return { members, client, redirectUri, scopes }
}

function checkMembers(members: AuthorizationRequest['members']): void {
  const { state = '', token_access_type, include_granted_scopes } = members
  if (Buffer.byteLength(state) > MAX_STATE_BYTES) {
    throw new AuthorizationError('invalid_request', 'The state is longer than 2000 bytes.')
  }
  if (!['online', 'offline', undefined].includes(token_access_type)) {
    throw new AuthorizationError('invalid_request', 'Invalid token_access_type.')
  }
  if (!['user', 'team', undefined].includes(include_granted_scopes)) {
    throw new AuthorizationError('invalid_request', 'Invalid include_granted_scopes.')
  }
  if (!['S256', 'plain', undefined].includes(members.code_challenge_method)) {
    throw new AuthorizationError('invalid_request', 'Invalid code_challenge_method.')
  }
}

function checkScopes(scopes: string[]): void {
  const unknown = scopes.find((scope) => !Object.hasOwn(SCOPE_TEXTS, scope))
  if (unknown !== undefined) {
    throw new AuthorizationError('invalid_scope', `The app does not have the scope ${unknown}.`)
  }
  // "be sure to select the openid scope and at least one of profile or email": https://developers.dropbox.com/oidc-guide
  const names = scopes.includes('email') || scopes.includes('profile')
  if (scopes.includes('openid') !== names) {
    throw new AuthorizationError(
      'invalid_scope',
      'openid needs email or profile, and they need it.',
    )
  }
}

function redirect(request: AuthorizationRequest, members: Record<string, string>): Reply {
  const target = new URL(request.redirectUri)
  for (const [name, value] of Object.entries(members)) target.searchParams.set(name, value)
  const { state } = request.members
  if (state !== undefined) target.searchParams.set('state', state)
  return { status: 302, headers: { location: target.href, 'cache-control': 'no-store' } }
}
