/** What the flows of every provider have in common: checks that the callback must bring back, and who gave the consent. */
import * as oauth from 'openid-client'
import type { Identity } from '../users/user.ts'
import { type FlowChecks, OauthRefused, type TokenSet } from './oauth-provider.ts'
import { asking, tokenSet } from './oauth-token.ts'

/** Fresh values for one flow. */
export function newFlowChecks(): FlowChecks {
  return {
    state: oauth.randomState(),
    nonce: oauth.randomNonce(),
    codeVerifier: oauth.randomPKCECodeVerifier(),
  }
}

/** Checks without a nonce are for a provider that does not repeat it; PKCE binds the code all the same (RFC 9700, 2.1.1). */
type AskedChecks = Omit<FlowChecks, 'nonce'> & Partial<Pick<FlowChecks, 'nonce'>>

/** The checks as parameters of the authorization request. */
export async function checksOf({ state, nonce, codeVerifier }: AskedChecks) {
  return {
    state,
    ...(nonce === undefined ? {} : { nonce }),
    code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  }
}

/** The tokens and the identity of a callback that is the answer to these checks. */
export async function exchanged(
  provider: Identity['provider'],
  config: oauth.Configuration,
  callbackUrl: URL,
  checks: AskedChecks,
): Promise<{ tokens: TokenSet; identity: Identity }> {
  const reply = await asking(() =>
    matching(
      oauth.authorizationCodeGrant(config, callbackUrl, {
        expectedState: checks.state,
        ...(checks.nonce === undefined ? {} : { expectedNonce: checks.nonce }),
        pkceCodeVerifier: checks.codeVerifier,
        idTokenExpected: true,
      }),
    ),
  )
  return { tokens: tokenSet(reply), identity: identityOf(provider, reply) }
}

/** How the client names an answer with another issuer or nonce, without a code, or of another flow. */
const MISMATCHES = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]

/** An answer that is not the one that the flow waits for is refused; asking again would not mend it. */
async function matching<Value>(exchange: Promise<Value>): Promise<Value> {
  try {
    return await exchange
  } catch (error) {
    if (!(error instanceof oauth.ClientError) || !MISMATCHES.includes(error.code ?? '')) throw error
    throw new OauthRefused('invalid_response', { grantIsDead: false, cause: error })
  }
}

/** Who gave the consent, by the ID token. */
function identityOf(
  provider: Identity['provider'],
  reply: oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers,
): Identity {
  const claims = reply.claims()
  if (!claims) throw new OauthRefused('id_token_missing', { grantIsDead: false })
  return {
    provider,
    subject: claims.sub,
    email: text(claims['email']),
    emailVerified: claims['email_verified'] === true,
    name: text(claims['name']) ?? nameOf(claims),
    image: text(claims['picture']),
  }
}

/** Not every provider has the whole name in one claim. */
function nameOf(claims: oauth.IDToken): string | null {
  return text([claims['given_name'], claims['family_name']].filter(text).join(' '))
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
