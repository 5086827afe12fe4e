/**
 * The port to an owner's storage. Every method makes one attempt and throws one of the five words
 * of `failures.ts`, the signal's own reason when the caller aborts, or the error of the body that
 * it was given to read. No method repeats itself; `retry.ts` does.
 *
 * Ids are handles of the provider's choosing: random ones for Drive, paths for Dropbox. They are
 * reserved and stored before the first byte, so that a repeated call finds what the first one made.
 */
import type { StorageProviderId } from '../contract/common.ts'

export type { StorageProviderId }

/** Handed in with every call, kept by nobody, never logged. */
export interface ProviderAuth {
  accessToken: string
}

export interface RemoteFile {
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

export interface UploadTarget {
  /** From `reserveIds`. */
  fileId: string
  folderId: string
  name: string
  sizeBytes: number
  mimeType: string
}

export interface FolderTarget {
  /** From `reserveIds`. */
  folderId: string
  name: string
  /** Absent: the top of what this app may see. */
  parentId?: string
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

export interface StorageProvider extends StorageAccess {
  /** Size of every chunk but the last, a multiple of 4 MiB. */
  readonly chunkBytes: number
  /** Largest file that `uploadWhole` takes. */
  readonly singleRequestBytes: number

  /** Ids for files and folders, at most 1,000 in one call. */
  reserveIds(auth: ProviderAuth, count: number, signal?: AbortSignal): Promise<string[]>

  /**
   * The folder exists afterwards, made now or before. Rejected `PARENT_GONE` when its parent does
   * not exist, `FOLDER_GONE` when the id's folder was deleted or lies in the trash.
   */
  ensureFolder(auth: ProviderAuth, folder: FolderTarget, signal?: AbortSignal): Promise<void>

  /** The file of this id, also from the trash; undefined when there is none. */
  findFile(
    auth: ProviderAuth,
    fileId: string,
    signal?: AbortSignal,
  ): Promise<RemoteFile | undefined>

  /**
   * Sends a file in one request. May have made the file even when it throws `RetryLater`. When the
   * id is taken, what stands there is returned, whatever its content: compare the hash.
   */
  uploadWhole(
    auth: ProviderAuth,
    target: UploadTarget,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
  ): Promise<RemoteFile>

  /** Opens a session; when the id is taken, returns what stands there instead. */
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
   * `sessionProgress`; never send blindly again.
   */
  sendChunk(
    auth: ProviderAuth,
    sessionUri: string,
    target: UploadTarget,
    chunk: Chunk,
    signal?: AbortSignal,
  ): Promise<Progress>
}
