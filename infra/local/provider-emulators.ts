/** The storage providers of this machine: their emulators, and what makes the app and them known to each other. */
import { ENV } from '../../shared/platform/env-names.ts'
import type { OauthClientSecret } from '../../shared/platform/secrets.ts'
import { hostVariables } from '../../shared/providers/hosts.ts'
import { toStorageProviderId } from '../../shared/providers/provider-id.ts'
import { OAUTH_PROVIDER_IDS, type OauthProviderId } from '../../shared/providers/providers.ts'
import type { Clock } from './clock.ts'
import { dataFolder } from './data-folder.ts'
import type { Emulator } from './providers/emulator.ts'
import { EMULATORS } from './providers/emulators.ts'
import type { Provisioning } from './provision/provisioning.ts'
import { variableValues } from './variable-values.ts'

type Emulators = Record<OauthProviderId, Emulator>

export function createEmulators(dataDir: string, clock: Clock): Emulators {
  return ofEach((id) => EMULATORS[id].create({ dataDir: dataFolder(dataDir, id), clock }))
}

/** Leads functions to one place instead of a provider's own hosts. */
export function providerVariables(id: OauthProviderId, url: string): Record<string, string> {
  const hosts = hostVariables(toStorageProviderId(id))
  return Object.fromEntries(hosts.map(({ variable }) => [variable, url]))
}

/** Leads functions to all of them. */
export function emulatorVariables(urls: Record<OauthProviderId, string>): Record<string, string> {
  return Object.assign({}, ...OAUTH_PROVIDER_IDS.map((id) => providerVariables(id, urls[id])))
}

/** Something for each provider, by the id under which people consent. */
export function ofEach<Value>(make: (id: OauthProviderId) => Value) {
  const values = OAUTH_PROVIDER_IDS.map((id) => [id, make(id)])
  return Object.fromEntries(values) as Record<OauthProviderId, Value>
}

/** Makes the app's OAuth clients known to the emulators, and the clients' secrets to the app. */
export function connectProviders(
  { functions, engines: { secrets } }: Pick<Provisioning, 'functions' | 'engines'>,
  emulators: Emulators,
  origin: string,
  given: Partial<Record<OauthProviderId, OauthClientSecret>> = {},
): void {
  for (const secretId of variableValues(functions, ENV.oauthClientsSecret)) {
    const stored = JSON.parse(secrets.getValue(secretId) ?? '{}')
    const clients = ofEach((id) => given[id] ?? stored[id] ?? EMULATORS[id].newClient())
    secrets.putValue(secretId, JSON.stringify(clients))
    for (const id of OAUTH_PROVIDER_IDS) {
      emulators[id].registerClient({
        ...clients[id],
        redirectUris: [`${origin}/api/auth/callback/${id}`, `${origin}/api/oauth/${id}/callback`],
      })
    }
  }
}
