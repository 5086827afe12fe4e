/**
 * A storage provider that keeps everything in memory and means by every word what the port means.
 * Tests use it, and steer it by the extra methods of `MemoryProvider`.
 *
 * It behaves like the stricter of the real ones: ids must be reserved and are used once, sessions
 * believe their own offset, a deleted id never comes back.
 */
import { randomUUID } from 'node:crypto'
import { createFileDigests } from '../../shared/providers/content-hash.ts'
import { ExactBody } from '../../shared/providers/exact-body.ts'
import {
  QuotaFull,
  ReconnectNeeded,
  Rejected,
  type RejectedReason,
  RetryLater,
  SessionLost,
} from '../../shared/providers/failures.ts'
import type {
  ByteRange,
  Progress,
  ProviderAuth,
  RemoteFile,
  ReservingProvider,
  UploadTarget,
} from '../../shared/providers/provider.ts'
import type { StorageProviderId } from '../../shared/providers/providers.ts'

const MIB = 1024 * 1024
/** As the port says. */
const MAX_IDS = 1000

type MethodName = Exclude<
  keyof ReservingProvider,
  'id' | 'ids' | 'downloadLink' | 'chunkBytes' | 'singleRequestBytes'
>

/** A call that fails: before it has any effect, or after (`applied`), as when only the answer is lost. */
interface Fault {
  method: MethodName
  failure: Error
  applied: boolean
}

interface StoredFile {
  file: RemoteFile
  folderId: string
  mimeType: string
  content: Buffer
}

interface Session {
  target: UploadTarget
  received: Buffer
}

export interface MemoryProvider extends ReservingProvider {
  /** Every file with its bytes, oldest first, also those in the trash. */
  files(): (RemoteFile & { folderId: string; content: Buffer })[]
  /** Methods that were called, in order. */
  readonly calls: MethodName[]
  /** The next call of `method` throws `failure`; several are used up in order. */
  failNext(method: MethodName, failure: Error, options?: { applied?: boolean }): void
  /** Of the next chunk only this many bytes are stored. */
  storeOnly(sizeBytes: number): void
  expireSessions(): void
  /** Puts a file or a folder, with all that it holds, into the trash. */
  trash(id: string): void
  rejectToken(accessToken: string): void
  limitTo(totalBytes: number): void
}

export function createMemoryProvider(
  options: { id?: StorageProviderId; chunkBytes?: number; singleRequestBytes?: number } = {},
): MemoryProvider {
  const { id = 'google_drive', chunkBytes = 4 * MIB, singleRequestBytes = MIB } = options
  const reserved = new Set<string>()
  const folders = new Map<string, { parentId: string | undefined; trashed: boolean }>()
  const stored = new Map<string, StoredFile>()
  const sessions = new Map<string, Session>()
  const rejectedTokens = new Set<string>()
  const calls: MethodName[] = []
  const faults: Fault[] = []
  const diagnostics = { provider: id }
  let nextId = 1
  let totalBytes: number | undefined
  let storeOnlyBytes: number | undefined

  /** What every call has in common: it is noted, may be made to fail, and needs a live token. */
  async function call<T>(
    method: MethodName,
    auth: ProviderAuth,
    signal: AbortSignal | undefined,
    work: () => T | Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    calls.push(method)
    const index = faults.findIndex((fault) => fault.method === method)
    const [fault] = index < 0 ? [] : faults.splice(index, 1)
    if (fault && !fault.applied) throw fault.failure
    if (rejectedTokens.has(auth.accessToken)) {
      throw new ReconnectNeeded({ tokenRejected: true, diagnostics })
    }
    const result = await work()
    signal?.throwIfAborted()
    if (fault) throw fault.failure
    return result
  }

  function rejected(reason: RejectedReason): Rejected {
    return new Rejected({ reason, diagnostics })
  }

  function isTaken(objectId: string): boolean {
    return stored.has(objectId) || folders.has(objectId)
  }

  function usedBytes(): number {
    let sum = 0
    for (const { content } of stored.values()) sum += content.byteLength
    return sum
  }

  function isInTrash(folderId: string | undefined): boolean {
    const folder = folderId === undefined ? undefined : folders.get(folderId)
    return folder !== undefined && (folder.trashed || isInTrash(folder.parentId))
  }

  function seen({ file, folderId }: StoredFile): RemoteFile {
    return { ...file, trashed: file.trashed || isInTrash(folderId) }
  }

  /** What creating under this id meets: something is there already, or it may go on. */
  function taken(target: UploadTarget): RemoteFile | undefined {
    const existing = stored.get(target.fileId)
    if (existing) return seen(existing)
    if (!reserved.has(target.fileId) || isTaken(target.fileId)) throw rejected('ID_UNUSABLE')
    if (!folders.has(target.folderId)) throw rejected('PARENT_GONE')
    if (totalBytes !== undefined && usedBytes() + target.sizeBytes > totalBytes) {
      throw new QuotaFull({ diagnostics })
    }
    return undefined
  }

  async function store(target: UploadTarget, content: Buffer): Promise<RemoteFile> {
    const digests = await createFileDigests({ resumable: false, sha256: true, md5: true })
    digests.update(content)
    const file: RemoteFile = {
      id: target.fileId,
      name: target.name,
      sizeBytes: content.byteLength,
      trashed: false,
      webUrl: `memory:${target.fileId}`,
      ...digests.digest(),
    }
    const { folderId, mimeType } = target
    const entry = { file, folderId, mimeType, content }
    reserved.delete(target.fileId)
    stored.set(target.fileId, entry)
    return seen(entry)
  }

  async function progress(session: Session): Promise<Progress> {
    const { target, received } = session
    const existing = stored.get(target.fileId)
    if (existing) return { state: 'complete', file: seen(existing) }
    return received.byteLength === target.sizeBytes
      ? { state: 'complete', file: await store(target, received) }
      : { state: 'partial', offsetBytes: received.byteLength }
  }

  function sessionOf(sessionUri: string): Session {
    const session = sessions.get(sessionUri)
    if (!session) throw new SessionLost({ diagnostics })
    return session
  }

  return {
    id,
    ids: 'reserved',
    chunkBytes,
    singleRequestBytes,
    calls,

    reserveIds: (auth, count, signal) =>
      call('reserveIds', auth, signal, () => {
        if (!Number.isInteger(count) || count < 1 || count > MAX_IDS) {
          throw new RangeError(`1 to ${MAX_IDS} ids are reserved at a time, not ${count}`)
        }
        return Array.from({ length: count }, () => {
          const reservedId = `mem-${nextId++}`
          reserved.add(reservedId)
          return reservedId
        })
      }),

    ensureFolder: (auth, { folderId, parentId }, signal) =>
      call('ensureFolder', auth, signal, () => {
        if (folders.has(folderId)) {
          if (isInTrash(folderId)) throw rejected('FOLDER_GONE')
          return
        }
        if (parentId !== undefined && !folders.has(parentId)) throw rejected('PARENT_GONE')
        if (!reserved.delete(folderId)) throw rejected('ID_UNUSABLE')
        folders.set(folderId, { parentId, trashed: false })
      }),

    findFile: (auth, fileId, signal) =>
      call('findFile', auth, signal, () => {
        const entry = stored.get(fileId)
        return entry && seen(entry)
      }),

    uploadWhole: (auth, target, body, signal) =>
      call('uploadWhole', auth, signal, async () => {
        if (target.sizeBytes > singleRequestBytes) {
          throw new RangeError(`${target.sizeBytes} bytes are more than one request carries`)
        }
        const content = await readAll(body, target.sizeBytes)
        return taken(target) ?? (await store(target, content))
      }),

    openSession: (auth, target, signal) =>
      call('openSession', auth, signal, () => {
        const file = taken(target)
        if (file) return { file }
        const sessionUri = `memory:session/${randomUUID()}`
        sessions.set(sessionUri, { target, received: Buffer.alloc(0) })
        return { sessionUri }
      }),

    sessionProgress: (auth, sessionUri, _target, signal) =>
      call('sessionProgress', auth, signal, () => progress(sessionOf(sessionUri))),

    sendChunk: (auth, sessionUri, _target, chunk, signal) =>
      call('sendChunk', auth, signal, async () => {
        const session = sessionOf(sessionUri)
        const bytes = await readAll(chunk.body, chunk.sizeBytes)
        const heldBytes = session.received.byteLength
        if (chunk.offsetBytes > heldBytes) throw new SessionLost({ diagnostics })
        const fresh = bytes.subarray(heldBytes - chunk.offsetBytes).subarray(0, storeOnlyBytes)
        storeOnlyBytes = undefined
        session.received = Buffer.concat([session.received, fresh])
        return progress(session)
      }),

    download: (auth, fileId, range, signal) =>
      call('download', auth, signal, () => {
        const entry = stored.get(fileId)
        if (!entry) throw rejected('NOT_FOUND')
        if (range && range.offsetBytes >= entry.content.byteLength) throw rejected('INVALID')
        const content = slice(entry.content, range)
        return {
          body: ReadableStream.from([new Uint8Array(content)]),
          sizeBytes: content.byteLength,
          mimeType: entry.mimeType,
        }
      }),

    deleteFile: (auth, fileId, signal) =>
      call('deleteFile', auth, signal, () => (stored.delete(fileId) ? 'deleted' : 'already-gone')),

    quota: (auth, signal) =>
      call('quota', auth, signal, () => ({
        usedBytes: usedBytes(),
        ...(totalBytes !== undefined && { totalBytes }),
      })),

    files: () =>
      [...stored.values()].map((entry) => ({
        ...seen(entry),
        folderId: entry.folderId,
        content: entry.content,
      })),

    failNext(method, failure, { applied = false } = {}) {
      faults.push({ method, failure, applied })
    },

    storeOnly(sizeBytes) {
      storeOnlyBytes = sizeBytes
    },

    expireSessions() {
      sessions.clear()
    },

    trash(objectId) {
      const entry = stored.get(objectId)
      const folder = folders.get(objectId)
      if (entry) entry.file.trashed = true
      if (folder) folder.trashed = true
    },

    rejectToken(accessToken) {
      rejectedTokens.add(accessToken)
    },

    limitTo(limitBytes) {
      totalBytes = limitBytes
    },
  }
}

/** A connection that broke, as `failNext` wants it. */
export function brokenConnection(provider: StorageProviderId = 'google_drive'): RetryLater {
  return new RetryLater({ reason: 'NETWORK', diagnostics: { provider, reason: 'ECONNRESET' } })
}

async function readAll(
  source: AsyncIterable<Uint8Array> | Uint8Array,
  sizeBytes: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of new ExactBody(source, sizeBytes)) pieces.push(piece)
  return Buffer.concat(pieces)
}

function slice(content: Buffer, range: ByteRange | undefined): Buffer {
  if (!range) return content
  return content.subarray(range.offsetBytes, range.offsetBytes + range.sizeBytes)
}
