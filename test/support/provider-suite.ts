/**
 * A storage provider as tests see it. Where providers differ, their suites say so, and a story is
 * told once for each of them.
 */
import type { OauthProviderId, StorageProviderId } from '../../shared/contract/common.ts'
import type { StorageProvider } from '../../shared/providers/provider.ts'
import type { Manners } from '../contract/manners.ts'
import type { Refusal } from '../contract/provider-world.ts'

/**
 * Steps at a provider that a test may spoil: a file in one request; the beginning of a session, a
 * chunk of it, a question about it; what makes a file of its bytes; a folder; a question about a
 * file, reading it, deleting it; tokens for a code, a new access token, the end of a grant; how much
 * room there is.
 */
export type ProviderStep =
  | 'whole'
  | 'begin'
  | 'chunk'
  | 'ask'
  | 'commit'
  | 'folder'
  | 'find'
  | 'download'
  | 'delete'
  | 'exchange'
  | 'refresh'
  | 'revoke'
  | 'quota'

/** What an emulator plays, as its control API takes it. */
export interface Fault {
  action: string
  skip?: number
  times?: number
  /** How long `slow` waits. */
  ms?: number
  bytes?: number
  message?: string
  retryAfterSeconds?: number
}

/** A step of a delivery that goes wrong: of a file in one request, or of one that needs a session. */
export interface Mishap extends Fault {
  file: 'small' | 'large'
  step: ProviderStep
}

/** A refusal in one of the provider's own shapes, and the fault that plays it. */
interface ProviderRefusal extends Refusal {
  fault: Fault
}

export interface ProviderSuite {
  /** As sign-in, addresses and the local cloud call it. */
  id: OauthProviderId
  /** As records call it. */
  storageId: StorageProviderId
  /** As people read it. */
  name: string
  /** Talks to the emulator at this origin. */
  driver(origin: string): StorageProvider
  /** The request by which each step is taken. */
  requests: Readonly<Record<ProviderStep, { method: string; route: string }>>
  /** What the request log calls a chunk. */
  chunkOperation: string
  /** Where it differs from others within the port. */
  manners: Manners
  refusals: readonly ProviderRefusal[]
  /** What befalls deliveries here and nowhere else. */
  ownMishaps: readonly Mishap[]
  /** Refusals that limit us and say nothing about an account. */
  limits: readonly Fault[]
  /** A refusal until much later, which no worker waits for. */
  longRefusal: Fault
  /** How an owner reads what does not fit one reply: from a copy that is made first, or by a link of the provider's own. */
  largeDownload: 'copy' | 'link'
  /** Published rules that our requests break knowingly. */
  knowinglyBroken: readonly string[]
  /** Names as clients give them and as they stand here. */
  names: readonly (readonly [given: string, here: string])[]
  /** What its own ids of files look like. */
  fileId: RegExp
  /** Operations of the request log without which a whole job cannot be done. */
  neededOperations: readonly string[]
  maxFileBytes: number
  /** How it names its people, and whether it shows what they look like. */
  identity: { subject: RegExp; hasPicture: boolean }
  storageScopes: readonly string[]
  /** What a login and a connect ask for. */
  asks: Readonly<Record<'login' | 'connect', ConsentRequest>>
  /** Where the emulator keeps what nobody else may see. */
  secrets: readonly { table: string; column: string }[]
  deeds: OwnerDeeds
}

/** The parameters of an authorization request that providers call differently; null for one that must not be there. */
interface ConsentRequest {
  scopes: readonly string[]
  parameters: Readonly<Record<string, string | RegExp | null>>
}

/** One call of the provider's API in the owner's name; throws unless it succeeds, and returns what was answered as JSON. */
export type CallProvider = (method: string, path: string, request?: CallBody) => Promise<unknown>

interface CallBody {
  json?: object
  content?: Buffer
  headers?: Record<string, string>
}

/** What owners do in the provider's own pages; paths begin with a slash. */
export interface OwnerDeeds {
  /** Throws away what the driver made under this id. */
  trash(call: CallProvider, id: string): Promise<void>
  /** Throws away a file, or a folder with what it holds. */
  remove(call: CallProvider, path: string): Promise<void>
  /** Deletes a file so that nothing of it is left. */
  erase(call: CallProvider, path: string): Promise<void>
  rename(call: CallProvider, path: string, name: string): Promise<void>
  replace(call: CallProvider, path: string, content: Buffer): Promise<void>
}
