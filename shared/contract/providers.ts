/** The providers as pages name them; without a schema, so that the portal page stays small. */
export { factsOf, PROVIDERS, STORAGE_PROVIDER_IDS } from '../providers/providers.ts'
