/** What every provider emulator is to whoever starts it. */
import type { Clock } from '../clock.ts'
import type { OAuthClient } from './oauth-client.ts'
import type { ProviderServer } from './provider-server.ts'

export interface EmulatorOptions {
  dataDir: string
  clock: Clock
  /** Origin under which clients know the emulator, and `iss` of its tokens; the address of `listen` when absent. */
  publicUrl?: string
}

export interface Emulator extends ProviderServer {
  /** Makes the client known, or changes it. Consents and tokens survive restarts; clients are registered at each start. */
  registerClient(client: OAuthClient): void
}

export interface EmulatorKind {
  create(options: EmulatorOptions): Emulator
  /** Id and secret of a client, spelt as the provider's console spells them. */
  newClient(): Pick<OAuthClient, 'clientId' | 'clientSecret'>
}
