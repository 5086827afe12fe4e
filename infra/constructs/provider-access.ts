/** What a function needs to talk to the providers: the OAuth clients and the hosts, which a local run replaces. */
import { hostVariables } from '../../shared/providers/hosts.ts'
import { STORAGE_PROVIDER_IDS } from '../../shared/providers/providers.ts'
import type { DataStack } from '../data-stack.ts'
import type { ServiceFunction } from './service-function.ts'

export function letCallProviders(
  fn: ServiceFunction,
  { oauthClients }: Pick<DataStack, 'oauthClients'>,
): void {
  oauthClients.letRead(fn)
  for (const { variable, origin } of STORAGE_PROVIDER_IDS.flatMap(hostVariables)) {
    fn.setEnv(variable, origin)
  }
}
