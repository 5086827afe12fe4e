import { ENV } from '../../shared/platform/env-names.ts'
import { hostVariables } from '../../shared/providers/hosts.ts'
import { STORAGE_PROVIDER_IDS } from '../../shared/providers/providers.ts'

/** Names of all variables that a function may read. */
export const EVERY_VARIABLE: readonly string[] = [
  ...Object.values(ENV),
  ...STORAGE_PROVIDER_IDS.flatMap(hostVariables).map(({ variable }) => variable),
]

/** Something in each of them, for code that only needs them to be there when it is loaded. */
export function everyVariable(): Record<string, string> {
  return Object.fromEntries(EVERY_VARIABLE.map((name) => [name, 'https://example.com/x']))
}
