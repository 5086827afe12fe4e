import type { SavedFile } from './hand-over-store.ts'
import type { Transfer } from './transfer.ts'
import { type Failure, isReceived, type Phase, type UploadItem } from './upload-item.ts'

/** A file as the uploader keeps it. */
export class UploadEntry implements UploadItem {
  readonly key: string
  readonly name: string
  readonly relativePath: string
  readonly size: number
  readonly type: string
  readonly lastModified: number
  phase: Phase = 'waiting'
  failure: Failure | undefined
  destination: UploadItem['destination']
  /** Absent after a reload, and let go once it is received. */
  file: File | undefined
  /** Absent until it is announced. */
  uploadId: string | undefined
  /** Absent until it is announced, and while what S3 has of it is unknown. */
  transfer: Transfer | undefined
  contentHash: string | undefined
  /** The content hash, being computed beside its sending. */
  hash: Promise<string | undefined> | undefined
  /** Aborting it stops what the file has on the wire; replaced when it is sent again. */
  requests = new AbortController()
  /** Aborted when the file is given up. */
  readonly life = new AbortController()
  /** Out of the list; lists and requests that still hold it let go of it. */
  isCancelled = false
  /** S3 is being asked what it has of the file. */
  isReconciling = false
  /** Fresh starts, because its upload ended under it. */
  restarts = 0
  /** Second looks, because the server found it incomplete. */
  repairs = 0

  constructor(
    file: Pick<UploadItem, 'key' | 'name' | 'relativePath' | 'size'> & {
      type: string
      lastModified: number
    },
    content: File | undefined,
  ) {
    this.key = file.key
    this.name = file.name
    this.relativePath = file.relativePath
    this.size = file.size
    this.type = file.type
    this.lastModified = file.lastModified
    this.file = content
  }

  /** A file of an earlier visit. */
  static restored(saved: SavedFile): UploadEntry {
    const entry = new UploadEntry(saved, undefined)
    entry.uploadId = saved.uploadId
    entry.phase = saved.phase
    return entry
  }

  /** What a reload needs of it. */
  get saved(): SavedFile {
    const { key, name, relativePath, size, type, lastModified, uploadId } = this
    return {
      key,
      name,
      relativePath,
      size,
      type,
      lastModified,
      ...(uploadId === undefined ? {} : { uploadId }),
      phase: this.isSettledHere ? this.phase : 'missing',
    }
  }

  /** All of it once it has left this page, whatever the parts say. */
  get sentBytes(): number {
    if (this.phase === 'finishing' || isReceived(this.phase) || this.phase === 'refused') {
      return this.size
    }
    return this.transfer?.sentBytes ?? 0
  }

  /** Nothing of it is on its way from this page: what the server says of it holds. */
  get isSettledHere(): boolean {
    return this.phase === 'missing' || this.phase === 'refused' || isReceived(this.phase)
  }
}
