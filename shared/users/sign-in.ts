/** Signing in with a provider: asks for identity alone and throws the tokens away (security rule 2). */

import { type OauthProviderId, oauthProviderId } from '../contract/common.ts'
import { PortageError } from '../errors.ts'
import { newFlowChecks } from '../oauth/oauth-flow.ts'
import {
  type FlowsRegistry,
  type OauthFlows,
  OauthRefused,
  OauthUnavailable,
} from '../oauth/oauth-provider.ts'
import { hashToken, randomToken } from '../platform/ids.ts'
import { toStorageProviderId } from '../providers/provider-id.ts'
import { factsOf } from '../providers/providers.ts'
import type { FlowStore, OauthFlow } from './flow-store.ts'
import { safeReturnTo } from './return-to.ts'
import type { SessionStore } from './session-store.ts'
import { maySignUp, type SignUp } from './user.ts'
import type { UserStore } from './user-store.ts'

export interface FlowDeps {
  oauth: FlowsRegistry
  flows: FlowStore
}

export interface SignInDeps extends FlowDeps {
  users: UserStore
  sessions: SessionStore
  signUp: SignUp
  allowList: string[]
}

/** Where a flow's callback lives; it differs per provider and flow, so that no code can be used in the other. */
function redirectUri(origin: string, kind: OauthFlow['kind'], provider: OauthProviderId): string {
  return kind === 'login'
    ? `${origin}/api/auth/callback/${provider}`
    : `${origin}/api/oauth/${provider}/callback`
}

/** The provider that a path names. */
async function providerOf(
  deps: Pick<FlowDeps, 'oauth'>,
  name: string | undefined,
): Promise<OauthFlows> {
  const id = oauthProviderId.safeParse(name).data
  const oauth = id && (await deps.oauth.find(id))
  if (!oauth) throw new PortageError('NOT_FOUND', 'This provider is not offered here.')
  return oauth
}

/** Where a flow begins: the provider of the path and the public origin. */
export interface FlowStart {
  params: Record<string, string>
  origin: string
}

/** Begins a login; it ends at `returnTo`, a path of the app. */
export function beginSignIn(deps: FlowDeps, start: FlowStart, returnTo: string | undefined) {
  return beginFlow(deps, start, { kind: 'login', returnTo: safeReturnTo(returnTo, start.origin) })
}

/** Begins a flow. Returns the provider's page and the value of the cookie that binds the flow to this browser. */
export async function beginFlow(
  deps: FlowDeps,
  { params, origin }: FlowStart,
  flow: Pick<OauthFlow, 'kind' | 'returnTo' | 'userId' | 'sessionHash'>,
): Promise<{ url: URL; browserToken: string }> {
  const oauth = await providerOf(deps, params['provider'])
  const browserToken = randomToken()
  const { state, nonce, codeVerifier } = newFlowChecks()
  await deps.flows.begin(state, {
    ...flow,
    provider: oauth.id,
    browserHash: hashToken(browserToken),
    nonce,
    codeVerifier,
  })
  const url = await oauth.authorizeUrl(flow.kind, redirectUri(origin, flow.kind, oauth.id), {
    state,
    nonce,
    codeVerifier,
  })
  return { url, browserToken }
}

/** What a browser brings back from the provider. */
export interface Callback {
  /** As the path names it. */
  provider: string | undefined
  origin: string
  rawQuery: string
  browserToken: string | undefined
}

/**
 * Takes a callback: the state must be of this provider, flow, browser and (for connect) session,
 * and is consumed. Throws `OAUTH_CALLBACK_INVALID`, `OauthRefused` or `OauthUnavailable`.
 */
export async function endFlow(
  deps: FlowDeps,
  callback: {
    kind: OauthFlow['kind']
    userId?: string
    sessionHash?: string
  } & Callback,
) {
  const oauth = await providerOf(deps, callback.provider)
  const query = new URLSearchParams(callback.rawQuery)
  const state = query.get('state')
  const flow =
    state && callback.browserToken
      ? await deps.flows.consume(state, {
          kind: callback.kind,
          provider: oauth.id,
          browserHash: hashToken(callback.browserToken),
          ...(callback.userId === undefined ? {} : { userId: callback.userId }),
          ...(callback.sessionHash === undefined ? {} : { sessionHash: callback.sessionHash }),
        })
      : undefined
  if (!state || !flow) {
    throw new PortageError(
      'OAUTH_CALLBACK_INVALID',
      'Please start again: this answer belongs to no sign-in of this browser, or came after ten minutes.',
    )
  }
  const callbackUrl = new URL(redirectUri(callback.origin, callback.kind, oauth.id))
  callbackUrl.search = callback.rawQuery
  return {
    flow,
    oauth,
    exchange: () => oauth.exchange(callbackUrl, { ...flow, state }).catch(refuseForeignAnswer),
  }
}

/** How a code or an answer of another flow is refused: verifier, nonce, issuer or redirect URI differs. */
const FOREIGN_ANSWERS = ['invalid_grant', 'invalid_response', 'redirect_uri_mismatch']

function refuseForeignAnswer(error: unknown): never {
  if (!(error instanceof OauthRefused) || !FOREIGN_ANSWERS.includes(error.error)) throw error
  throw new PortageError(
    'OAUTH_CALLBACK_INVALID',
    'The provider did not accept it. Please start again.',
    { cause: error },
  )
}

/** Completes a login. Returns the new session's cookie value and where the browser goes. */
export async function signIn(
  deps: SignInDeps,
  callback: Callback,
): Promise<{ sessionToken: string; returnTo: string }> {
  const { flow, oauth, exchange } = await endFlow(deps, { ...callback, kind: 'login' })
  const { identity } = await exchange().catch((error: unknown) => {
    if (error instanceof OauthUnavailable) {
      throw new PortageError('PROVIDER_UNAVAILABLE', 'Please try again in a few minutes.', {
        cause: error,
      })
    }
    if (!(error instanceof OauthRefused)) throw error
    throw error.error === 'access_denied'
      ? new PortageError(
          'SIGN_IN_DENIED',
          `You did not allow the sign-in with ${factsOf(toStorageProviderId(oauth.id)).signInName}. You can start again.`,
        )
      : new PortageError(
          'OAUTH_CALLBACK_INVALID',
          'The provider did not accept it. Please start again.',
        )
  })
  const login = await deps.users.findLogin(identity.provider, identity.subject)
  if (!login && !maySignUp(deps.signUp, deps.allowList, identity)) {
    throw new PortageError(
      'SIGNUP_CLOSED',
      'New owners cannot sign up here. Ask whoever runs this Portage to add you.',
    )
  }
  const userId = login?.userId ?? (await deps.users.create(identity))
  const user = login && (await deps.users.find(userId))
  if (user) await deps.users.saveProfile(user, identity)
  const sessionToken = randomToken()
  await deps.sessions.create(hashToken(sessionToken), userId)
  return { sessionToken, returnTo: flow.returnTo }
}
