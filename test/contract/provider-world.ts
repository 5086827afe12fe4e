/** What the contract of the storage providers is told with: a provider, its owner's deeds, and steps of a delivery. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { createFileDigests, provesContent } from '../../shared/providers/content-hash.ts'
import type {
  Chunk,
  FolderTarget,
  Place,
  Progress,
  ProviderAuth,
  RemoteFile,
  StorageProvider,
  UploadTarget,
} from '../../shared/providers/provider.ts'
import type { Manners } from './manners.ts'

export const KIB = 1024
export const MIB = 1024 * KIB
/** Smaller than any driver's own, but cut at the content hash's blocks as theirs are. */
export const CHUNK_BYTES = 4 * MIB
/** What every provider takes a chunk in multiples of, but for the last. */
export const UNIT_BYTES = 256 * KIB

/** The steps of a delivery that a provider may refuse: a file in one request; a session's beginning, chunk and question. */
export type Step = 'whole' | 'begin' | 'chunk' | 'ask'
/** The steps whose answer may be lost after they took effect. */
export type LosableStep = Step | 'folder' | 'delete'

/** A refusal in one of the provider's own shapes, and what it must be told as. */
export interface Refusal {
  name: string
  word: Record<string, unknown>
}

export interface ProviderUnderTest {
  provider: StorageProvider
  auth: ProviderAuth
  /** What an owner sees, except the trash. */
  delivered(): Promise<{ name: string; sha256: string }[]>
  /** The owner throws a file or a folder away. */
  trash(id: string): Promise<void>
  /** The owner's storage has no more than this. */
  limitTo(totalBytes: number): Promise<void>
  /** The next request of this step has its effect, but its answer is lost. */
  loseNextAnswer(step: LosableStep): Promise<void>
  /** The next request of this step is refused without any effect, in the shape of this name. */
  refuseNext(step: Step, refusal: string): Promise<void>
  /** Of the next chunk only this many bytes are stored, a multiple of 256 KiB. */
  storeOnly(sizeBytes: number): Promise<void>
  /** More time passes than a session lives; `auth` is good again afterwards. */
  expireSessions(): Promise<void>
  /** The token that is in use is refused from now on; `auth` is a fresh one afterwards. */
  expireToken(): Promise<void>
  /** The owner withdraws the consent and gives a new one, whose token `auth` is afterwards. */
  consentAnew(): Promise<void>
}

/** The steps that the tests take in this world. */
export class ContractWorld {
  readonly own: ProviderUnderTest
  readonly manners: Manners
  #folders = 0

  constructor(own: ProviderUnderTest, manners: Manners) {
    this.own = own
    this.manners = manners
  }

  get provider(): StorageProvider {
    return this.own.provider
  }

  get auth(): ProviderAuth {
    return this.own.auth
  }

  async idFor(place: Place): Promise<string> {
    const { provider } = this
    if (provider.ids === 'paths') return provider.idAt(place)
    const [id] = await provider.reserveIds(this.auth, 1)
    if (id === undefined) throw new Error('no id was reserved')
    return id
  }

  /** An id under which there is nothing. */
  unusedId(): Promise<string> {
    return this.idFor({ name: 'nothing' })
  }

  async folder(place: Place): Promise<FolderTarget> {
    return { ...place, folderId: await this.idFor(place) }
  }

  async makeFolder(place: Partial<Place> = {}): Promise<string> {
    this.#folders += 1
    const folder = await this.folder({ name: `Portage ${this.#folders}`, ...place })
    await this.provider.ensureFolder(this.auth, folder)
    return folder.folderId
  }

  async makeTarget(overrides: Partial<Omit<UploadTarget, 'fileId'>> = {}): Promise<UploadTarget> {
    const { name = 'report.pdf', folderId = await this.makeFolder() } = overrides
    return {
      sizeBytes: 10,
      mimeType: 'application/pdf',
      ...overrides,
      fileId: await this.idFor({ parentId: folderId, name }),
      folderId,
      name,
    }
  }

  /** What a file made for this target is told as. */
  made({ fileId, name }: UploadTarget) {
    const isOther = this.manners.ownId === 'another'
    return { id: isOther ? expect.not.stringContaining(fileId) : fileId, name }
  }

  async openSession(target: UploadTarget): Promise<string> {
    const opened = await this.provider.openSession(this.auth, target)
    if (!('sessionUri' in opened)) throw new Error('the id is already taken')
    return opened.sessionUri
  }

  /** Sends the chunk of the content that begins there. */
  sendFrom(
    sessionUri: string,
    target: UploadTarget,
    content: Buffer,
    offsetBytes: number,
    chunkBytes = CHUNK_BYTES,
  ): Promise<Progress> {
    const chunk = chunkOf(content, offsetBytes, chunkBytes)
    return this.provider.sendChunk(this.auth, sessionUri, target, chunk)
  }

  ask(sessionUri: string, target: UploadTarget): Promise<Progress> {
    return this.provider.sessionProgress(this.auth, sessionUri, target)
  }

  /** The owner sees these files and no others. */
  async expectDelivered(...contents: [name: string, content: Buffer][]): Promise<void> {
    const expected = contents.map(([name, content]) => ({ name, sha256: sha256(content) }))
    expect(await this.own.delivered()).toEqual(expected)
  }

  /** Sends from wherever the provider says that it is until the file is there. */
  async sendRest(sessionUri: string, target: UploadTarget, content: Buffer): Promise<RemoteFile> {
    let progress = await this.ask(sessionUri, target)
    for (let rounds = 0; progress.state === 'partial'; rounds += 1) {
      if (rounds > 20) throw new Error('the session does not get on')
      progress = await this.sendFrom(sessionUri, target, content, progress.offsetBytes)
    }
    return progress.file
  }
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

export async function proves(file: RemoteFile, content: Buffer): Promise<boolean> {
  const digests = await createFileDigests({ resumable: false, sha256: true, md5: true })
  digests.update(content)
  return provesContent(file, { sizeBytes: content.byteLength, ...digests.digest() })
}

export function chunkOf(content: Buffer, offsetBytes: number, chunkBytes = CHUNK_BYTES): Chunk {
  const bytes = content.subarray(offsetBytes, offsetBytes + chunkBytes)
  return { offsetBytes, sizeBytes: bytes.byteLength, body: piecesOf(bytes) }
}

export async function* piecesOf(
  content: Buffer,
  pieceBytes = 64 * KIB,
): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.byteLength; from += pieceBytes) {
    yield content.subarray(from, from + pieceBytes)
  }
}

export async function readAll(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(body).arrayBuffer())
}
