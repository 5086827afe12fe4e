/**
 * The endpoint of authorisation: GET shows the page of consent, POST is its form. What a provider
 * refuses, asks and grants in its own manner is its `AuthorizeManner`.
 */
import type { Account } from './account-store.ts'
import { authorizationErrorPage, consentPage } from './consent-page.ts'
import type { EmulatorParts } from './emulator.ts'
import { type Exchange, htmlReply, type Reply, readForm } from './exchange.ts'
import type { OAuthClient } from './oauth-client.ts'
import { splitScopes } from './oauth-store.ts'

/** Members of every authorisation request. */
const COMMON_MEMBERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'state',
  'include_granted_scopes',
  'code_challenge',
  'code_challenge_method',
] as const

export interface AuthorizationRequest<Member extends string = string> {
  members: Partial<Record<(typeof COMMON_MEMBERS)[number] | Member, string>>
  client: OAuthClient
  redirectUri: string
  scopes: string[]
}

export interface AuthorizeManner<Member extends string> {
  providerName: string
  /** Members of its own; the form carries them through like the common ones. */
  members: readonly Member[]
  /** What the page of consent says about a scope. */
  scopeTexts: Record<string, string>
  /** Scopes that only say who somebody is. */
  identityScopes: readonly string[]
  refusals: Record<
    'noClientId' | 'unknownClient' | 'noRedirectUri' | 'otherRedirectUri',
    AuthorizationRefusal
  >
  /** The scopes of the request, from those that it names; throws an `AuthorizationError` for what else is wrong. */
  scopesOf(asked: string[], members: AuthorizationRequest<Member>['members']): string[]
  /** What the redirection of a denial carries beside the error. */
  denial: Record<string, string>
  /** Members of every redirection. */
  signature?(parts: EmulatorParts): Record<string, string>
  /** The answer where no page is to be shown. */
  withoutPage?(request: AuthorizationRequest<Member>): Record<string, string> | undefined
  preselected?(parts: EmulatorParts, request: AuthorizationRequest<Member>): Account | undefined
  /** Remembers the consent; the result is what the redirection carries: the code and what goes with it. */
  grant(
    parts: EmulatorParts,
    request: AuthorizationRequest<Member>,
    account: Account,
    granted: string[],
  ): Record<string, string>
}

interface AuthorizationRefusal {
  code: string
  sentence: string
  status?: number
}

/** A request that cannot be answered by a redirect. */
export class AuthorizationError extends Error {
  override name = 'AuthorizationError' as const
  readonly status: number
  readonly code: string

  constructor({ code, sentence, status = 400 }: AuthorizationRefusal) {
    super(sentence)
    this.code = code
    this.status = status
  }
}

export function invalidRequest(sentence: string): AuthorizationError {
  return new AuthorizationError({ code: 'invalid_request', sentence })
}

export async function handleAuthorize<Member extends string>(
  parts: EmulatorParts,
  manner: AuthorizeManner<Member>,
  exchange: Exchange,
): Promise<Reply> {
  try {
    if (exchange.method === 'POST') {
      exchange.operation = 'oauth.consent'
      return decide(parts, manner, exchange, await readForm(exchange))
    }
    exchange.operation = 'oauth.authorize'
    const request = parseRequest(parts, manner, exchange.url.searchParams)
    return ask(parts, manner, request, exchange.url.pathname)
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    return htmlReply(error.status, authorizationErrorPage(error.code, error.message))
  }
}

function ask<Member extends string>(
  parts: EmulatorParts,
  manner: AuthorizeManner<Member>,
  request: AuthorizationRequest<Member>,
  action: string,
): Reply {
  const answer = manner.withoutPage?.(request)
  if (answer) return redirect(parts, manner, request, answer)
  const page = consentPage({
    ...manner,
    action,
    clientId: request.client.clientId,
    accounts: parts.accounts.all(),
    preselected: manner.preselected?.(parts, request)?.email,
    scopes: request.scopes,
    hidden: { ...request.members, requested_scope: request.scopes.join(' ') },
  })
  return htmlReply(200, page)
}

function decide<Member extends string>(
  parts: EmulatorParts,
  manner: AuthorizeManner<Member>,
  exchange: Exchange,
  form: URLSearchParams,
): Reply {
  const merged = new URLSearchParams(exchange.url.searchParams)
  for (const member of [...COMMON_MEMBERS, ...manner.members]) {
    const value = form.get(member)
    if (value !== null) merged.set(member, value)
  }
  const requestedScope = form.get('requested_scope')
  if (requestedScope !== null) merged.set('scope', requestedScope)
  const request = parseRequest(parts, manner, merged)

  const denied = { error: 'access_denied' }
  const decision = form.get('decision')
  if (decision === 'deny') {
    return redirect(parts, manner, request, { ...denied, ...manner.denial })
  }
  if (decision !== 'allow') throw invalidRequest('Choose whether to allow or deny access.')
  const account = parts.accounts.byEmail(form.get('account') ?? '')
  if (!account) throw invalidRequest('There is no such account.')
  exchange.account = account.email

  const ticked = form.getAll('scope').flatMap(splitScopes)
  const everything = ticked.length === 0 && !form.has('scopes_shown')
  const granted = request.scopes.filter((scope) => everything || ticked.includes(scope))
  if (granted.length === 0) return redirect(parts, manner, request, denied)
  return redirect(parts, manner, request, manner.grant(parts, request, account, granted))
}

function parseRequest<Member extends string>(
  parts: EmulatorParts,
  { members: own, refusals, scopesOf }: AuthorizeManner<Member>,
  input: URLSearchParams,
): AuthorizationRequest<Member> {
  const members: AuthorizationRequest['members'] = {}
  for (const member of [...COMMON_MEMBERS, ...own]) {
    const value = input.get(member)
    if (value !== null) members[member] = value
  }
  const { client_id, redirect_uri, response_type, code_challenge_method } = members
  if (!client_id) throw new AuthorizationError(refusals.noClientId)
  const client = parts.clients.get(client_id)
  if (!client) throw new AuthorizationError(refusals.unknownClient)
  if (!redirect_uri) throw new AuthorizationError(refusals.noRedirectUri)
  // Both say that they "must exactly match": scheme, case and trailing slash.
  // https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
  // https://developers.dropbox.com/oauth-guide
  if (!client.redirectUris.includes(redirect_uri)) {
    throw new AuthorizationError(refusals.otherRedirectUri)
  }
  if (response_type !== 'code') throw invalidRequest('Invalid response_type: only code is served.')
  if (!['S256', 'plain', undefined].includes(code_challenge_method)) {
    throw invalidRequest('Invalid code_challenge_method.')
  }
  const scopes = scopesOf(splitScopes(input.get('scope')), members)
  return { members, client, redirectUri: redirect_uri, scopes }
}

function redirect<Member extends string>(
  parts: EmulatorParts,
  manner: AuthorizeManner<Member>,
  request: AuthorizationRequest<Member>,
  members: Record<string, string>,
): Reply {
  const target = new URL(request.redirectUri)
  const { state } = request.members
  const all = {
    ...members,
    ...(state !== undefined && { state }),
    ...manner.signature?.(parts),
  }
  for (const [name, value] of Object.entries(all)) target.searchParams.set(name, value)
  return { status: 302, headers: { location: target.href, 'cache-control': 'no-store' } }
}
