/** Rows of multipart uploads. A completed one is kept for a day so that a repeated Complete gets its answer again. */
import type { StatementSync } from 'node:sqlite'
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts'
import type { MetadataDatabase } from './metadata-database.ts'

export interface UploadRecord {
  /** Also the content id of its parts, and of the object that they become. */
  id: string
  bucket: string
  key: string
  initiatedMs: number
  headers: Record<string, string>
  tags: Record<string, string>
  algorithm: ChecksumAlgorithm
  checksumType: ChecksumType
  /** False when the client named no algorithm: S3 then keeps CRC64NVME for itself. */
  checksumDeclared: boolean
  completion: Completion | null
}

/** What a finished upload answered, and to which list of parts. */
export interface Completion {
  partList: string
  etag: string
  checksum: Checksum
}

export class UploadTable {
  readonly #find: StatementSync
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  readonly #complete: StatementSync
  readonly #listFrom: StatementSync
  readonly #open: StatementSync
  readonly #forget: StatementSync

  constructor(database: MetadataDatabase) {
    this.#find = database.prepare('SELECT * FROM uploads WHERE id = ?')
    this.#insert = database.prepare(
      `INSERT INTO uploads (id, bucket, key, initiated_ms, headers, tags, algorithm, checksum_type, declared)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#delete = database.prepare('DELETE FROM uploads WHERE id = ?')
    this.#complete = database.prepare(
      'UPDATE uploads SET completion = ?, completed_ms = ? WHERE id = ?',
    )
    this.#listFrom = database.prepare(
      `SELECT * FROM uploads WHERE completion IS NULL AND bucket = ? AND key >= ? AND (key, id) > (?, ?)
       ORDER BY key, id LIMIT ?`,
    )
    this.#open = database.prepare('SELECT * FROM uploads WHERE bucket = ? AND completion IS NULL')
    this.#forget = database.prepare('DELETE FROM uploads WHERE completed_ms < ?')
  }

  find(id: string): UploadRecord | undefined {
    const row = this.#find.get(id)
    return row && toUpload(row)
  }

  insert(upload: UploadRecord): void {
    this.#insert.run(
      upload.id,
      upload.bucket,
      upload.key,
      upload.initiatedMs,
      JSON.stringify(upload.headers),
      JSON.stringify(upload.tags),
      upload.algorithm,
      upload.checksumType,
      upload.checksumDeclared ? 1 : 0,
    )
  }

  remove(id: string): void {
    this.#delete.run(id)
  }

  complete(id: string, completion: Completion, completedMs: number): void {
    this.#complete.run(JSON.stringify(completion), completedMs, id)
  }

  /** Open uploads by key, then id, after the given pair. */
  list(
    bucket: string,
    fromKey: string,
    after: { key: string; id: string },
    limit: number,
  ): UploadRecord[] {
    return this.#listFrom.all(bucket, fromKey, after.key, after.id, limit).map(toUpload)
  }

  open(bucket: string): UploadRecord[] {
    return this.#open.all(bucket).map(toUpload)
  }

  forgetCompletedBefore(timeMs: number): void {
    this.#forget.run(timeMs)
  }
}

function toUpload(row: Record<string, unknown>): UploadRecord {
  return {
    id: String(row['id']),
    bucket: String(row['bucket']),
    key: String(row['key']),
    initiatedMs: Number(row['initiated_ms']),
    headers: JSON.parse(String(row['headers'])),
    tags: JSON.parse(String(row['tags'])),
    algorithm: row['algorithm'] as ChecksumAlgorithm,
    checksumType: row['checksum_type'] as ChecksumType,
    checksumDeclared: row['declared'] === 1,
    completion: row['completion'] === null ? null : JSON.parse(String(row['completion'])),
  }
}
