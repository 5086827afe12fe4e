/**
 * The token endpoint: codes and refresh tokens become access tokens. The steps are the same at every
 * provider; what it answers, and in which words it refuses, is its `TokenEndpointManner`.
 */
import type { Account } from './account-store.ts'
import type { EmulatorParts } from './emulator.ts'
import { type Exchange, jsonReply, type Reply, readForm } from './exchange.ts'
import {
  clientCredentials,
  refuseRepeated,
  requiredMember,
  sameText,
  verifierFits,
} from './oauth-client.ts'
import { OAuthError } from './oauth-error.ts'
import { type Grant, splitScopes } from './oauth-store.ts'

type TokenRefusal = readonly [status: number, code: string, sentence: string]

export interface TokenEndpointManner {
  refusals: Record<
    | 'otherMethod'
    | 'otherGrantType'
    | 'noClientId'
    | 'unknownClient'
    | 'wrongSecret'
    | 'unknownCode'
    | 'usedCode'
    | 'otherRedirectUri'
    | 'noVerifier'
    | 'wrongVerifier'
    | 'needlessVerifier'
    | 'malformedToken'
    | 'unknownToken'
    | 'deadToken'
    | 'widerScopes'
    | 'noAccount',
    TokenRefusal
  > & {
    /** Absent where PKCE alone proves a client as well. */
    noSecret?: TokenRefusal
  }
  /** What a refresh token looks like. */
  refreshToken: RegExp
  /** Members that count beside those of the form. */
  furtherMembers?(exchange: Exchange): URLSearchParams
  /** Scopes as the provider spells them. */
  spelt(scopes: string[]): string[]
  answer(parts: EmulatorParts, issued: IssuedTokens): Record<string, unknown>
}

export interface IssuedTokens {
  account: Account
  grant: Grant
  accessToken: string
  /** Where the grant has just begun and is to last. */
  refreshToken: string | undefined
  nonce: string | undefined
  /** How the client came to the tokens; `narrowed`: a refresh that named its scopes. */
  by: 'code' | 'refresh' | 'narrowed'
}

interface ProvenClient {
  clientId: string
  /** By its secret; without one, PKCE or the grant has to prove it. */
  hasSecret: boolean
}

export async function handleToken(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
): Promise<Reply> {
  exchange.operation = 'oauth.token'
  if (exchange.method !== 'POST') throw refusal(manner, 'otherMethod')
  const form = await readForm(exchange)
  for (const [name, value] of manner.furtherMembers?.(exchange) ?? []) form.append(name, value)
  refuseRepeated(form)
  const issued = issue(parts, manner, exchange, form)
  const body = manner.answer(parts, issued)
  return jsonReply(200, body, { 'cache-control': 'no-store', pragma: 'no-cache' })
}

function issue(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
  form: URLSearchParams,
): IssuedTokens {
  const grantType = requiredMember(form, 'grant_type')
  if (grantType === 'authorization_code') {
    exchange.operation = 'oauth.token.code'
    return redeemCode(parts, manner, exchange, form)
  }
  if (grantType === 'refresh_token') {
    exchange.operation = 'oauth.token.refresh'
    return refresh(parts, manner, exchange, form)
  }
  throw refusal(manner, 'otherGrantType')
}

function redeemCode(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
  form: URLSearchParams,
): IssuedTokens {
  const client = authenticate(parts, manner, exchange, form)
  const code = parts.oauth.findCode(requiredMember(form, 'code'))
  if (!code || code.clientId !== client.clientId) throw refusal(manner, 'unknownCode')
  if (!code.usable) throw refusal(manner, 'usedCode')
  if (form.get('redirect_uri') !== code.redirectUri) throw refusal(manner, 'otherRedirectUri')
  if (code.challenge !== undefined) {
    const verifier = form.get('code_verifier')
    if (!verifier) throw refusal(manner, 'noVerifier')
    if (!verifierFits(verifier, code.challenge, code.challengeMethod)) {
      throw refusal(manner, 'wrongVerifier')
    }
  } else if (form.has('code_verifier') || !client.hasSecret) {
    throw refusal(manner, 'needlessVerifier')
  }
  if (!parts.oauth.consumeCode(code.code)) throw refusal(manner, 'usedCode')
  const account = ownerOf(parts, manner, exchange, code)
  const made = code.withRefresh ? parts.oauth.issueRefreshToken(code, client.hasSecret) : undefined
  const accessToken = parts.oauth.issueAccessToken(code, made?.number)
  const { nonce } = code
  return { account, grant: code, accessToken, refreshToken: made?.token, nonce, by: 'code' }
}

/** No provider of these gives a new refresh token with the new access token. */
function refresh(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
  form: URLSearchParams,
): IssuedTokens {
  const client = authenticate(parts, manner, exchange, form)
  const token = requiredMember(form, 'refresh_token')
  if (!manner.refreshToken.test(token)) throw refusal(manner, 'malformedToken')
  const known = parts.oauth.findRefreshToken(token)
  if (!known || known.clientId !== client.clientId) throw refusal(manner, 'unknownToken')
  if (known.isDead) throw refusal(manner, 'deadToken')
  if (known.needsSecret && !client.hasSecret) throw refusal(manner, 'unknownClient')
  const narrowed = form.has('scope')
  const scopes = narrowed ? manner.spelt(splitScopes(form.get('scope'))) : known.scopes
  if (scopes.some((scope) => !known.scopes.includes(scope))) throw refusal(manner, 'widerScopes')
  const account = ownerOf(parts, manner, exchange, known)
  parts.oauth.touchRefreshToken(known)
  const grant = { ...known, scopes }
  const accessToken = parts.oauth.issueAccessToken(grant, known.number)
  const by = narrowed ? 'narrowed' : 'refresh'
  return { account, grant, accessToken, refreshToken: undefined, nonce: undefined, by }
}

function ownerOf(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
  { accountId }: Grant,
): Account {
  const account = parts.accounts.byId(accountId)
  if (!account) throw refusal(manner, 'noAccount')
  exchange.account = account.email
  return account
}

function authenticate(
  parts: EmulatorParts,
  manner: TokenEndpointManner,
  exchange: Exchange,
  form: URLSearchParams,
): ProvenClient {
  const { id, secret } = clientCredentials(exchange, form)
  if (id === '') throw refusal(manner, 'noClientId')
  const client = parts.clients.get(id)
  if (!client) throw refusal(manner, 'unknownClient')
  const { clientId, clientSecret } = client
  const hasSecret = secret !== ''
  if (!hasSecret && manner.refusals.noSecret) throw refusal(manner, 'noSecret')
  if (hasSecret && !sameText(secret, clientSecret)) throw refusal(manner, 'wrongSecret')
  return { clientId, hasSecret }
}

function refusal(
  { refusals }: TokenEndpointManner,
  name: keyof TokenEndpointManner['refusals'],
): OAuthError {
  const refused = refusals[name]
  if (!refused) throw new Error(`${name} is not refused`)
  return new OAuthError(...refused)
}
