/**
 * What is known of a provider before anything is asked of it. Stacks, contract and pages are made
 * from it as well, so a `facts.ts` imports nothing but this type.
 */
export interface ProviderFacts {
  /** Its id where people sign in and consent; it differs from the storage's where that is a product among others. */
  oauthId: string
  /** As the storage calls itself. */
  name: string
  /** As whoever knows the owner calls itself. */
  signInName: string
  hosts: Record<string, ProviderHost>
  /** Where pictures of its accounts come from, as a content security policy names it. */
  pictures?: string
  /** Its largest file, as it publishes it. */
  maxFileBytes: number
  /** The hash of its own that proves a file; MD5 stands in where it has none yet. */
  provesBy: 'sha256' | 'contentHash'
  /** What it refuses of a name that is safe anywhere; characters become `_`, names begin with it. */
  refuses?: { characters?: RegExp; names?: RegExp }
  /** What the operator gives our redirect URIs to. */
  client: string
  /** What becomes of a delivered file that its owner deletes here; said to him. */
  afterDeletion: string
}

/** An origin of the provider, and the variable that carries it, by which a local run replaces it. */
interface ProviderHost {
  variable: `${string}_URL`
  origin: `https://${string}`
}
