/** Writing one object in one piece: bytes first, then its row, event and condition in one transaction. */
import { randomUUID } from 'node:crypto'
import type { StoredBytes } from './blob-store.ts'
import type { Checksum } from './checksums.ts'
import type { EventFacts } from './object-events.ts'
import type { ObjectRecord } from './object-table.ts'
import type { ReceivedBody } from './request-body.ts'
import { recordEvent, type S3Context } from './s3-context.ts'

interface NewObject {
  bucket: string
  key: string
  headers: Record<string, string>
  tags: Record<string, string>
  body: ReceivedBody
  checksum: Checksum
  event: Pick<EventFacts, 'reason' | 'requestId' | 'requester' | 'sourceIp'>
  /** Runs inside the transaction; throws to refuse the write. */
  requireConditions: (existing: ObjectRecord | undefined) => void
}

export interface WrittenBytes {
  body: ReceivedBody
  bytes: StoredBytes
  /** Takes the bytes away again when no row is to hold them. */
  discard: () => Promise<void>
}

/** Streams a body to disk; on any failure nothing of it is left. */
export async function writeBytes(
  context: S3Context,
  fill: (write: (chunk: Buffer) => Promise<void>) => Promise<ReceivedBody>,
): Promise<WrittenBytes> {
  const writer = context.blobs.create()
  try {
    const body = await fill((chunk) => writer.write(chunk))
    const bytes = await writer.commit()
    return { body, bytes, discard: () => writer.discard() }
  } catch (error) {
    await writer.discard()
    throw error
  }
}

export async function storeObject(
  context: S3Context,
  bytes: StoredBytes,
  object: NewObject,
): Promise<ObjectRecord> {
  const { bucket, key, body } = object
  const nowMs = context.clock.now()
  const record: ObjectRecord = {
    bucket,
    key,
    contentId: randomUUID(),
    sizeBytes: body.sizeBytes,
    etag: body.md5,
    modifiedMs: nowMs,
    headers: object.headers,
    tags: object.tags,
    checksum: object.checksum,
    partCount: null,
  }
  const orphans = await context.database.write(() => {
    object.requireConditions(context.objects.find(bucket, key))
    const replaced = context.objects.replace(record)
    if (body.sizeBytes > 0) {
      context.objects.putPart(record.contentId, {
        number: 1,
        bytes,
        sizeBytes: body.sizeBytes,
        etag: body.md5,
        checksum: object.checksum.value,
        modifiedMs: nowMs,
      })
    }
    recordEvent(context, {
      ...object.event,
      type: 'Object Created',
      bucket,
      key,
      sizeBytes: body.sizeBytes,
      etag: body.md5,
    })
    return replaced
  })
  context.events.wake()
  await context.blobs.remove(orphans)
  return record
}

/** Deletes the object if it is there, with its event; call it inside the write. */
export function deleteRecord(
  context: S3Context,
  bucket: string,
  key: string,
  event: NewObject['event'],
): string[] {
  const orphans = context.objects.remove(bucket, key)
  // S3 sends no event for a key that was not there, in a bucket without versions.
  if (!orphans) return []
  recordEvent(context, { ...event, type: 'Object Deleted', bucket, key })
  return orphans
}
