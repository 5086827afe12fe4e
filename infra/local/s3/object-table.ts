/** Rows of objects and of the parts that hold their bytes. Every method runs inside the caller's write. */
import type { StatementSync } from 'node:sqlite'
import type { BlobSegment, StoredBytes } from './blob-store.ts'
import type { Checksum } from './checksums.ts'
import type { MetadataDatabase } from './metadata-database.ts'

export interface ObjectRecord {
  bucket: string
  key: string
  /** Names the parts; new for every write of the key, the upload's id for a multipart object. */
  contentId: string
  sizeBytes: number
  /** Without quotes. */
  etag: string
  modifiedMs: number
  /** `content-type`, `cache-control`, …, `x-amz-meta-*`, as they are sent back. */
  headers: Record<string, string>
  tags: Record<string, string>
  checksum: Checksum | null
  /** Null when the object was written by one request. */
  partCount: number | null
}

export interface PartRecord {
  number: number
  bytes: StoredBytes
  sizeBytes: number
  etag: string
  checksum: string | null
  modifiedMs: number
}

export class ObjectTable {
  readonly #find: StatementSync
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  readonly #setTags: StatementSync
  readonly #listFrom: StatementSync
  readonly #parts: StatementSync
  readonly #insertPart: StatementSync
  readonly #deletePart: StatementSync
  readonly #deleteParts: StatementSync
  readonly #blobInUse: StatementSync
  readonly #exists: StatementSync

  constructor(database: MetadataDatabase) {
    this.#find = database.prepare('SELECT * FROM objects WHERE bucket = ? AND key = ?')
    this.#insert = database.prepare(
      `INSERT INTO objects (bucket, key, content_id, size_bytes, etag, modified_ms, headers, tags, checksum, part_count)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#exists = database.prepare('SELECT 1 FROM objects WHERE bucket = ? AND key = ?')
    this.#delete = database.prepare(
      'DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING content_id',
    )
    this.#setTags = database.prepare('UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?')
    this.#listFrom = database.prepare(
      'SELECT * FROM objects WHERE bucket = ? AND key >= ? AND key > ? ORDER BY key LIMIT ?',
    )
    this.#parts = database.prepare(
      'SELECT * FROM parts WHERE content_id = ? AND number > ? ORDER BY number LIMIT ?',
    )
    this.#insertPart = database.prepare(
      `INSERT INTO parts (content_id, number, blob_id, inline_bytes, size_bytes, etag, checksum, modified_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#deletePart = database.prepare(
      'DELETE FROM parts WHERE content_id = ? AND number = ? RETURNING blob_id',
    )
    this.#deleteParts = database.prepare('DELETE FROM parts WHERE content_id = ? RETURNING blob_id')
    this.#blobInUse = database.prepare('SELECT 1 FROM parts WHERE blob_id = ? LIMIT 1')
  }

  find(bucket: string, key: string): ObjectRecord | undefined {
    const row = this.#find.get(bucket, key)
    return row && toObject(row)
  }

  exists(bucket: string, key: string): boolean {
    return this.#exists.get(bucket, key) !== undefined
  }

  /** Objects with keys at or after `from` and after `after`, in the byte order of their keys. */
  list(bucket: string, from: string, after: string, limit: number): ObjectRecord[] {
    return this.#listFrom.all(bucket, from, after, limit).map(toObject)
  }

  /** Puts the object in place of the one that holds its key; returns blobs that nothing needs any more. */
  replace(record: ObjectRecord): string[] {
    const orphans = this.remove(record.bucket, record.key) ?? []
    this.#insert.run(
      record.bucket,
      record.key,
      record.contentId,
      record.sizeBytes,
      record.etag,
      record.modifiedMs,
      JSON.stringify(record.headers),
      JSON.stringify(record.tags),
      record.checksum && JSON.stringify(record.checksum),
      record.partCount,
    )
    return orphans
  }

  /** Returns blobs that nothing needs any more; undefined when there is no such object. */
  remove(bucket: string, key: string): string[] | undefined {
    const row = this.#delete.get(bucket, key)
    return row && this.dropParts(String(row['content_id']))
  }

  setTags(bucket: string, key: string, tags: Record<string, string>): void {
    this.#setTags.run(JSON.stringify(tags), bucket, key)
  }

  parts(contentId: string, afterNumber = 0, limit = -1): PartRecord[] {
    return this.#parts.all(contentId, afterNumber, limit).map(toPart)
  }

  /** Stores a part; returns the blob of the part that had its number, when nothing else needs it. */
  putPart(contentId: string, part: PartRecord): string[] {
    const orphans = this.dropPart(contentId, part.number)
    this.#insertPart.run(
      contentId,
      part.number,
      part.bytes.blobId,
      part.bytes.inline,
      part.sizeBytes,
      part.etag,
      part.checksum,
      part.modifiedMs,
    )
    return orphans
  }

  dropPart(contentId: string, number: number): string[] {
    return this.#unused(this.#deletePart.all(contentId, number))
  }

  dropParts(contentId: string): string[] {
    return this.#unused(this.#deleteParts.all(contentId))
  }

  isBlobInUse(blobId: string): boolean {
    return this.#blobInUse.get(blobId) !== undefined
  }

  /** Of the blobs of deleted parts those that no other part shares. */
  #unused(deleted: Row[]): string[] {
    const blobIds = new Set(deleted.flatMap((row) => row['blob_id'] ?? []).map(String))
    return [...blobIds].filter((blobId) => !this.isBlobInUse(blobId))
  }
}

/** The stretches of blobs that make the bytes from `startByte` on. */
export function segmentsOf(
  parts: PartRecord[],
  startByte: number,
  lengthBytes: number,
): BlobSegment[] {
  const segments: BlobSegment[] = []
  const endByte = startByte + lengthBytes
  let partStart = 0
  for (const part of parts) {
    const from = Math.max(startByte, partStart)
    const to = Math.min(endByte, partStart + part.sizeBytes)
    if (from < to) {
      segments.push({ bytes: part.bytes, startByte: from - partStart, lengthBytes: to - from })
    }
    partStart += part.sizeBytes
  }
  return segments
}

type Row = Record<string, unknown>

function toObject(row: Row): ObjectRecord {
  return {
    bucket: String(row['bucket']),
    key: String(row['key']),
    contentId: String(row['content_id']),
    sizeBytes: Number(row['size_bytes']),
    etag: String(row['etag']),
    modifiedMs: Number(row['modified_ms']),
    headers: JSON.parse(String(row['headers'])),
    tags: JSON.parse(String(row['tags'])),
    checksum: row['checksum'] === null ? null : JSON.parse(String(row['checksum'])),
    partCount: row['part_count'] === null ? null : Number(row['part_count']),
  }
}

function toPart(row: Row): PartRecord {
  return {
    number: Number(row['number']),
    bytes: {
      blobId: row['blob_id'] === null ? null : String(row['blob_id']),
      inline: row['inline_bytes'] instanceof Uint8Array ? row['inline_bytes'] : null,
    },
    sizeBytes: Number(row['size_bytes']),
    etag: String(row['etag']),
    checksum: row['checksum'] === null ? null : String(row['checksum']),
    modifiedMs: Number(row['modified_ms']),
  }
}
