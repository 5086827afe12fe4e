/**
 * What of each provider runs. Functions load some of these tables and bundles leave out the others:
 * SDKs are for workers alone.
 */
import {
  type FlowsRegistry,
  type OauthDeps,
  type OauthFlows,
  type OauthTokens,
  OauthUnavailable,
  type TokensRegistry,
} from '../oauth/oauth-provider.ts'
import type { OauthClients } from '../platform/secrets.ts'
import { createDriveAccess } from './drive/access.ts'
import { createDriveProvider } from './drive/driver.ts'
import { googleFlows, googleTokens } from './drive/oauth.ts'
import { createDropboxAccess } from './dropbox/access.ts'
import { createDropboxProvider } from './dropbox/driver.ts'
import { dropboxFlows, dropboxTokens } from './dropbox/oauth.ts'
import type { AllHosts, Hosts } from './hosts.ts'
import type { StorageAccess, StorageProvider } from './provider.ts'
import { toStorageProviderId } from './provider-id.ts'
import {
  OAUTH_PROVIDER_IDS,
  type OauthProviderId,
  PROVIDERS,
  STORAGE_PROVIDER_IDS,
  type StorageProviderId,
} from './providers.ts'

type FromHosts<Made> = { [Id in StorageProviderId]: (hosts: Hosts<Id>) => Made }
type FromClient<Made> = { [Id in StorageProviderId]: (deps: OauthDeps<Id>) => Made }

const DRIVERS: FromHosts<StorageProvider> = {
  google_drive: createDriveProvider,
  dropbox: createDropboxProvider,
}
const ACCESS: FromHosts<StorageAccess> = {
  google_drive: createDriveAccess,
  dropbox: createDropboxAccess,
}
const FLOWS: FromClient<OauthFlows> = {
  google_drive: googleFlows,
  dropbox: dropboxFlows,
}
const TOKENS: FromClient<OauthTokens> = {
  google_drive: googleTokens,
  dropbox: dropboxTokens,
}

/** Finds the driver of a storage provider. */
export type ProviderRegistry = (id: StorageProviderId) => StorageProvider
/** The same for those who deliver nothing. */
export type AccessRegistry = (id: StorageProviderId) => StorageAccess

export function createProviderRegistry(hosts: AllHosts): ProviderRegistry {
  return byId((id) => DRIVERS[id](hosts[id]))
}

export function createAccessRegistry(hosts: AllHosts): AccessRegistry {
  return byId((id) => ACCESS[id](hosts[id]))
}

export function createTokensRegistry(hosts: AllHosts, clients: OauthClients): TokensRegistry {
  const tokens = byId((id) => TOKENS[id](oauthDeps(id, hosts, clients)))
  return (id) => tokens(toStorageProviderId(id))
}

export function createFlowsRegistry(hosts: AllHosts, clients: OauthClients): FlowsRegistry {
  const flows = byId((id) => FLOWS[id](oauthDeps(id, hosts, clients)))
  return {
    async offered() {
      const known = await Promise.all(OAUTH_PROVIDER_IDS.map(clients))
      return OAUTH_PROVIDER_IDS.filter((_, index) => known[index] !== undefined)
    },
    async find(id: OauthProviderId) {
      return (await clients(id)) && flows(toStorageProviderId(id))
    },
  }
}

function byId<Made>(make: <Id extends StorageProviderId>(id: Id) => Made) {
  const made = new Map(STORAGE_PROVIDER_IDS.map((id) => [id, make(id)]))
  return (id: StorageProviderId) => made.get(id) as Made
}

function oauthDeps<Id extends StorageProviderId>(
  id: Id,
  hosts: AllHosts,
  clients: OauthClients,
): OauthDeps<Id> {
  const { oauthId } = PROVIDERS[id]
  return {
    urls: hosts[id],
    async client() {
      const client = await clients(oauthId)
      // The grant may be fine: whoever waits for it goes on when the client is stored again.
      if (!client) throw new OauthUnavailable(`This deployment has no OAuth client of ${oauthId}`)
      return client
    },
  }
}
