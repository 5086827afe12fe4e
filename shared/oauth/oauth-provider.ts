import type { OauthClientSecret } from '../platform/secrets.ts'
import type { Hosts } from '../providers/hosts.ts'
import type { OauthProviderId, StorageProviderId } from '../providers/providers.ts'
import type { Identity } from '../users/user.ts'

/** What a provider's OAuth is made of; asking for the client throws `OauthUnavailable` where this deployment has none. */
export interface OauthDeps<Id extends StorageProviderId> {
  urls: Hosts<Id>
  client: () => Promise<OauthClientSecret>
}

/** Tokens as a provider hands them out; `expiresInSeconds` counts from the reply. */
export interface TokenSet {
  accessToken: string
  refreshToken?: string
  expiresInSeconds: number
  scopes: string[]
}

/** What a browser carries through the flow and the callback must present again. */
export interface FlowChecks {
  state: string
  nonce: string
  codeVerifier: string
}

/** How somebody signs in with a provider or gives consent; for the functions of these flows alone. */
export interface OauthFlows {
  readonly id: OauthProviderId
  /** Scopes without which no file can be delivered. */
  readonly storageScopes: string[]
  /** Where to send the browser: `login` asks for identity alone, `connect` for storage and offline access. */
  authorizeUrl(kind: 'login' | 'connect', redirectUri: string, checks: FlowChecks): Promise<URL>
  /** Exchanges the code of a callback; throws `OauthRefused` when the provider does not accept it. */
  exchange(callbackUrl: URL, checks: FlowChecks): Promise<{ tokens: TokenSet; identity: Identity }>
}

/** What keeps a grant alive or ends it. */
export interface OauthTokens {
  /** A new access token; throws `OauthRefused` when the grant is dead. */
  refresh(refreshToken: string): Promise<TokenSet>
  /** Ends every grant that the token's identity has given to this client. Throws as `refresh` does. */
  revoke(refreshToken: string): Promise<void>
}

/** Finds a provider with whom people may sign in and connect here. */
export interface FlowsRegistry {
  /** Those of which this deployment has a client. */
  offered(): Promise<OauthProviderId[]>
  /** Undefined for one that is not offered. */
  find(id: OauthProviderId): Promise<OauthFlows | undefined>
}
/** Finds a provider, whether it is still offered or not: grants outlive a client. */
export type TokensRegistry = (id: OauthProviderId) => OauthTokens

/** The provider said no. `error` is OAuth's own word (https://www.rfc-editor.org/rfc/rfc6749#section-5.2). */
export class OauthRefused extends Error {
  override name = 'OauthRefused' as const
  readonly error: string
  /** True when only a new consent helps; false for a fault of this deployment, such as `invalid_client`. */
  readonly grantIsDead: boolean

  constructor(error: string, options: { grantIsDead: boolean; cause?: unknown }) {
    super(`The provider refused: ${error}`, { cause: options.cause })
    this.error = error
    this.grantIsDead = options.grantIsDead
  }
}

/** The provider could not be asked, or failed itself; the grant may be fine. */
export class OauthUnavailable extends Error {
  override name = 'OauthUnavailable' as const

  constructor(cause: unknown) {
    super('The provider did not answer', { cause })
  }
}
