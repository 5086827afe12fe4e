/** The providers as a function's variables name them. */
import type { FlowsRegistry, TokensRegistry } from '../oauth/oauth-provider.ts'
import { environmentSecrets } from '../platform/clients.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { type OauthClients, oauthClientsReader } from '../platform/secrets.ts'
import { hostsFrom } from './hosts.ts'
import {
  type AccessRegistry,
  createAccessRegistry,
  createFlowsRegistry,
  createProviderRegistry,
  createTokensRegistry,
  type ProviderRegistry,
} from './registry.ts'

/** For functions that deliver. */
export function environmentDrivers(): ProviderRegistry {
  return createProviderRegistry(hostsFrom(requireEnv))
}

/** For functions that deliver nothing. */
export function environmentAccess(): AccessRegistry {
  return createAccessRegistry(hostsFrom(requireEnv))
}

/** For functions by which owners sign in and connect. */
export function environmentFlows(): FlowsRegistry {
  return createFlowsRegistry(hostsFrom(requireEnv), environmentClients())
}

/** For functions that act by a grant. */
export function environmentTokens(): TokensRegistry {
  return createTokensRegistry(hostsFrom(requireEnv), environmentClients())
}

function environmentClients(): OauthClients {
  return oauthClientsReader(environmentSecrets(), requireEnv(ENV.oauthClientsSecret))
}
