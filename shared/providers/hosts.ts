/** Where the providers are: their own origins, or others that the variables name. */
import {
  factsOf,
  type PROVIDERS,
  STORAGE_PROVIDER_IDS,
  type StorageProviderId,
} from './providers.ts'

/** Origins of a provider by the names that its folder gives them. */
export type Hosts<Id extends StorageProviderId> = {
  [Name in keyof (typeof PROVIDERS)[Id]['hosts']]: string
}

export type AllHosts = { [Id in StorageProviderId]: Hosts<Id> }

type VariablesOf<Id extends StorageProviderId> = {
  [Name in keyof (typeof PROVIDERS)[Id]['hosts']]: (typeof PROVIDERS)[Id]['hosts'][Name] extends {
    variable: infer Variable
  }
    ? Variable
    : never
}[keyof (typeof PROVIDERS)[Id]['hosts']]

export type HostVariable = { [Id in StorageProviderId]: VariablesOf<Id> }[StorageProviderId]

/** Every variable that carries a host, with the provider's own origin. */
export function hostVariables(id: StorageProviderId): { variable: HostVariable; origin: string }[] {
  return Object.values(factsOf(id).hosts) as { variable: HostVariable; origin: string }[]
}

export function hostsFrom(originOf: (variable: HostVariable) => string): AllHosts {
  const hosts = STORAGE_PROVIDER_IDS.map((id) => [
    id,
    Object.fromEntries(
      Object.entries(factsOf(id).hosts).map(([name, { variable }]) => [
        name,
        originOf(variable as HostVariable),
      ]),
    ),
  ])
  return Object.fromEntries(hosts)
}
