/**
 * `/o/oauth2/v2/auth` and `/o/oauth2/auth`: GET shows the consent page, POST is its form.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
import { authorizationErrorPage, consentPage } from '../consent-page.ts'
import { type Exchange, htmlReply, type Reply, readForm } from '../exchange.ts'
import type { OAuthClient } from '../oauth-client.ts'
import type { AccountStore } from './account-store.ts'
import type { OAuthStore } from './oauth-store.ts'
import { grantedScopes, IDENTITY_SCOPES, SCOPE_TEXTS, splitScopes } from './scopes.ts'

/** Members of an authorisation request; the form carries them through. */
const REQUEST_MEMBERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'state',
  'nonce',
  'access_type',
  'prompt',
  'include_granted_scopes',
  'login_hint',
  'code_challenge',
  'code_challenge_method',
] as const
type RequestMember = (typeof REQUEST_MEMBERS)[number]

interface AuthorizeParts {
  accounts: AccountStore
  oauth: OAuthStore
  clients: Map<string, OAuthClient>
  issuer(): string
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
  readonly status: number
  readonly code: string

  constructor(code: string, sentence: string, status = 400) {
    super(sentence)
    this.code = code
    this.status = status
  }
}

export async function handleAuthorize(parts: AuthorizeParts, exchange: Exchange): Promise<Reply> {
  try {
    if (exchange.method === 'POST') {
      exchange.operation = 'oauth.consent'
      return decide(parts, exchange, await readForm(exchange))
    }
    exchange.operation = 'oauth.authorize'
    const request = parseRequest(parts, exchange.url.searchParams)
    return showConsent(parts, request, exchange.url.pathname)
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    return htmlReply(error.status, authorizationErrorPage(error.code, error.message))
  }
}

function showConsent(parts: AuthorizeParts, request: AuthorizationRequest, action: string): Reply {
  if (request.members.prompt === 'none') {
    return redirect(parts, request, { error: 'interaction_required' })
  }
  const hint = request.members.login_hint
  const hinted = hint === undefined ? undefined : findHinted(parts.accounts, hint)
  const page = consentPage({
    providerName: 'Google',
    scopeTexts: SCOPE_TEXTS,
    identityScopes: IDENTITY_SCOPES,
    action,
    clientId: request.client.clientId,
    accounts: parts.accounts.all(),
    preselected: hinted?.email,
    scopes: request.scopes,
    hidden: { ...request.members, requested_scope: request.scopes.join(' ') },
  })
  return htmlReply(200, page)
}

/** `login_hint` is an e-mail address or a `sub`. */
function findHinted(accounts: AccountStore, hint: string) {
  return accounts.byEmail(hint) ?? accounts.bySub(hint)
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
  if (decision === 'deny') return redirect(parts, request, { error: 'access_denied' })
  if (decision !== 'allow') {
    throw new AuthorizationError('invalid_request', 'Choose whether to allow or deny access.')
  }
  const account = parts.accounts.byEmail(form.get('account') ?? '')
  if (!account) throw new AuthorizationError('invalid_request', 'There is no such account.')
  exchange.account = account.email

  const ticked = form.getAll('scope').flatMap(splitScopes)
  const everything = ticked.length === 0 && !form.has('scopes_shown')
  const granted = request.scopes.filter((scope) => everything || ticked.includes(scope))
  if (granted.length === 0) return redirect(parts, request, { error: 'access_denied' })
  return grant(parts, request, account.sub, granted)
}

function grant(
  parts: AuthorizeParts,
  request: AuthorizationRequest,
  sub: string,
  granted: string[],
): Reply {
  const { members } = request
  const clientId = request.client.clientId
  const before = parts.oauth.consent(sub, clientId)
  const earlier = members.include_granted_scopes === 'true' ? (before?.scopes ?? []) : []
  const asked = [...new Set([...granted, ...earlier])]
  const scopes = grantedScopes(asked)

  const offline = members.access_type === 'offline'
  // "the refresh_token is only returned on the first authorization from the user"
  // https://developers.google.com/identity/protocols/oauth2/web-server#offline
  const withRefresh = offline && (!before?.offline || prompts(request).includes('consent'))
  parts.oauth.rememberConsent({ sub, clientId, scopes: granted }, offline)
  const code = parts.oauth.createCode({
    sub,
    clientId,
    scopes,
    redirectUri: request.redirectUri,
    nonce: members.nonce,
    challenge: members.code_challenge,
    challengeMethod: members.code_challenge_method,
    withRefresh,
  })
  // The browser brings back both spellings: `email profile openid https://…/userinfo.email …`.
  return redirect(parts, request, { code, scope: [...new Set([...asked, ...scopes])].join(' ') })
}

function parseRequest(parts: AuthorizeParts, input: URLSearchParams): AuthorizationRequest {
  const members: AuthorizationRequest['members'] = {}
  for (const member of REQUEST_MEMBERS) {
    const value = input.get(member)
    if (value !== null) members[member] = value
  }
  if (!members.client_id) {
    throw new AuthorizationError('invalid_request', 'Missing required parameter: client_id')
  }
  const client = parts.clients.get(members.client_id)
  if (!client) {
    throw new AuthorizationError('invalid_client', 'The OAuth client was not found.', 401)
  }
  const redirectUri = members.redirect_uri
  if (!redirectUri) {
    throw new AuthorizationError('invalid_request', 'Missing required parameter: redirect_uri')
  }
  // "must exactly match one of the authorized redirect URIs": scheme, case and trailing slash.
  if (!client.redirectUris.includes(redirectUri)) {
    throw new AuthorizationError(
      'redirect_uri_mismatch',
      'The redirect URI in the request does not match the ones authorised for the OAuth client.',
    )
  }
  if (members.response_type !== 'code') {
    throw new AuthorizationError('invalid_request', 'Invalid response_type: only code is served.')
  }
  if (!['S256', 'plain', undefined].includes(members.code_challenge_method)) {
    throw new AuthorizationError('invalid_request', 'Invalid code_challenge_method.')
  }
  const scopes = splitScopes(input.get('scope'))
  if (scopes.length === 0) {
    throw new AuthorizationError('invalid_request', 'Missing required parameter: scope')
  }
  return { members, client, redirectUri, scopes }
}

function prompts(request: AuthorizationRequest): string[] {
  return splitScopes(request.members.prompt)
}

function redirect(
  parts: AuthorizeParts,
  request: AuthorizationRequest,
  members: Record<string, string>,
): Reply {
  const target = new URL(request.redirectUri)
  for (const [name, value] of Object.entries(members)) target.searchParams.set(name, value)
  const { state } = request.members
  if (state !== undefined) target.searchParams.set('state', state)
  // RFC 9207
  target.searchParams.set('iss', parts.issuer())
  return { status: 302, headers: { location: target.href, 'cache-control': 'no-store' } }
}
