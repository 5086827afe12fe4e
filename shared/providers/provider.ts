/**
 * The port to an owner's storage. Every method makes one attempt and throws one of the five words
 * of `failures.ts`, the signal's own reason when the caller aborts, or the error of the body that
 * it was given to read. No method repeats itself; `retry.ts` does. A commit that the account's own
 * lock keeps out waits for its turn within the driver.
 *
 * A file has an id before its first byte, which is stored, so that a repeated call finds what the
 * first one made. Some providers reserve ids, and names are free; with others a path is the id, and
 * what stands there may be somebody else's: it is never overwritten and never deleted.
 */
import type { StorageProviderId } from './providers.ts'

export type { StorageProviderId }

/** Handed in with every call, kept by nobody, never logged. */
export interface ProviderAuth {
  accessToken: string
}

export interface RemoteFile {
  /** The file's own, wherever its owner moves it; where ids are paths, another than that of its place. */
  id: string
  name: string
  sizeBytes: number
  /** In the provider's trash, also by way of a folder above it. */
  trashed: boolean
  webUrl?: string
  /** Lower-case hex, as far as the provider computes them. */
  sha256?: string
  md5?: string
  contentHash?: string
}

/** Where a file or a folder is to stand. */
export interface Place {
  /** Absent: the top of what this app may see. */
  parentId?: string
  name: string
}

export interface UploadTarget {
  /** From `reserveIds` or `idAt`. */
  fileId: string
  folderId: string
  name: string
  sizeBytes: number
  mimeType: string
  /**
   * No earlier attempt can have made the file: what stands at its path is another's, and rejected
   * `ID_UNUSABLE` whatever its content. Else the same content is taken for what an earlier one made.
   */
  isFirst?: boolean
}

export interface FolderTarget extends Place {
  /** From `reserveIds` or `idAt`. */
  folderId: string
}

/** How far a session is: `offsetBytes` is the first byte that the provider does not have. */
export type Progress =
  | { state: 'partial'; offsetBytes: number }
  | { state: 'complete'; file: RemoteFile }

/** A part of a file that lies at `offsetBytes` and is `sizeBytes` long. */
export interface ByteRange {
  offsetBytes: number
  sizeBytes: number
}

export interface Chunk extends ByteRange {
  /** Exactly `sizeBytes`; more or less is a `BodyLengthError`. */
  body: AsyncIterable<Uint8Array>
}

export interface Download {
  body: ReadableStream<Uint8Array>
  /** Of this body, that is of the range when one was asked for. */
  sizeBytes: number
  mimeType: string
}

/** What is asked of a storage when nothing is being delivered to it. */
export interface StorageAccess {
  readonly id: StorageProviderId

  /**
   * Rejected `NOT_FOUND` when there is no such file, `INVALID` for a range that begins beyond its
   * end; of one that only ends there comes what there is.
   */
  download(
    auth: ProviderAuth,
    fileId: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<Download>

  /** An address under which the provider gives the file to whoever knows it, for hours; not every one has such. */
  downloadLink?(auth: ProviderAuth, fileId: string, signal?: AbortSignal): Promise<string>

  deleteFile(
    auth: ProviderAuth,
    fileId: string,
    signal?: AbortSignal,
  ): Promise<'deleted' | 'already-gone'>

  /** Without `totalBytes` the storage has no limit of its own. */
  quota(
    auth: ProviderAuth,
    signal?: AbortSignal,
  ): Promise<{ usedBytes: number; totalBytes?: number }>
}

export type StorageProvider = ReservingProvider | PathProvider

/** Ids are reserved and belong to whoever has reserved them. */
export interface ReservingProvider extends DeliveryCalls {
  readonly ids: 'reserved'

  /** Ids for files and folders, at most 1,000 in one call. */
  reserveIds(auth: ProviderAuth, count: number, signal?: AbortSignal): Promise<string[]>
}

/** A path is an id, so that one name is one file and missing folders are made on the way. */
export interface PathProvider extends DeliveryCalls {
  readonly ids: 'paths'

  /** The name is one of `nameAtProvider`. */
  idAt(place: Place): string
}

interface DeliveryCalls extends StorageAccess {
  /** Size of every chunk but the last, a multiple of 4 MiB. */
  readonly chunkBytes: number
  /** Largest file that `uploadWhole` takes. */
  readonly singleRequestBytes: number

  /**
   * The folder exists afterwards, made now or before. Of reserved ids: rejected `PARENT_GONE` when
   * its parent does not exist, `FOLDER_GONE` when the id's folder was deleted or lies in the trash.
   * Of paths: rejected `ID_UNUSABLE` when a file stands there.
   */
  ensureFolder(auth: ProviderAuth, folder: FolderTarget, signal?: AbortSignal): Promise<void>

  /** The file of this id, also from the trash; undefined when there is none. */
  findFile(
    auth: ProviderAuth,
    fileId: string,
    signal?: AbortSignal,
  ): Promise<RemoteFile | undefined>

  /**
   * Sends a file in one request. May have made the file even when it throws `RetryLater`. When a
   * reserved id is taken, what stands there is returned, whatever its content: compare the hash.
   * Where another content stands at a path: rejected `ID_UNUSABLE`.
   */
  uploadWhole(
    auth: ProviderAuth,
    target: UploadTarget,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
  ): Promise<RemoteFile>

  /** Opens a session; when the id is taken, returns what stands there instead, whosever it is. */
  openSession(
    auth: ProviderAuth,
    target: UploadTarget,
    signal?: AbortSignal,
  ): Promise<{ sessionUri: string } | { file: RemoteFile }>

  /** Asks the provider how far the session is. The URI is a capability: encrypted at rest, never logged. */
  sessionProgress(
    auth: ProviderAuth,
    sessionUri: string,
    target: UploadTarget,
    signal?: AbortSignal,
  ): Promise<Progress>

  /**
   * Sends one chunk. The progress is what the provider reports, never what was sent. It may lie
   * - before the chunk: bytes of an earlier one were not kept; read again from there;
   * - at its start: nothing of it was stored; inside it: a part; at its end: all;
   * - beyond it: another worker has sent more; go on from there.
   * Beyond the file's end it is no progress but `RetryLater`. After any `RetryLater` ask
   * `sessionProgress`; never send blindly again. Where another content stands at a path, the last
   * chunk is rejected `ID_UNUSABLE`; the session goes on with a target at another one.
   */
  sendChunk(
    auth: ProviderAuth,
    sessionUri: string,
    target: UploadTarget,
    chunk: Chunk,
    signal?: AbortSignal,
  ): Promise<Progress>
}
