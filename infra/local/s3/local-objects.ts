/** Objects read and written by the runner itself: the edge serves pages, the start uploads them. */
import { createHash, randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import { startChecksum } from './checksums.ts'
import { objectHeaders } from './object-headers.ts'
import { discardOnFailure, openObject } from './object-operations.ts'
import type { ByteRange } from './preconditions.ts'
import type { S3Context } from './s3-context.ts'
import { storeObject, writeBytes } from './store-object.ts'

export interface StoredObject {
  /** Of the whole object. */
  size: number
  /** Without quotes. */
  etag: string
  contentType: string
  /** As GetObject answers them, without `content-length`. */
  headers: Record<string, string>
  stream: Readable
}

export interface NewLocalObject {
  body: Buffer | Readable
  contentType?: string
  cacheControl?: string
}

export function readLocalObject(
  context: S3Context,
  bucket: string,
  key: string,
  range?: ByteRange,
): StoredObject | undefined {
  const record = context.objects.find(bucket, key)
  if (!record) return undefined
  const headers = objectHeaders(record)
  return {
    size: record.sizeBytes,
    etag: record.etag,
    contentType: headers['content-type'] ?? '',
    headers,
    stream: openObject(context, record, range ?? { startByte: 0, lengthBytes: record.sizeBytes }),
  }
}

export async function putLocalObject(
  context: S3Context,
  bucket: string,
  key: string,
  { body: source, contentType, cacheControl }: NewLocalObject,
): Promise<{ etag: string }> {
  context.buckets.require(bucket)
  const { body, bytes, discard } = await writeBytes(context, async (write) => {
    const md5 = createHash('md5')
    const checksum = await startChecksum('CRC64NVME')
    let sizeBytes = 0
    for await (const chunk of Buffer.isBuffer(source) ? [source] : source) {
      md5.update(chunk)
      checksum.update(chunk)
      sizeBytes += chunk.length
      await write(chunk)
    }
    return {
      sizeBytes,
      md5: md5.digest('hex'),
      checksum: checksum.digest().toString('base64'),
    }
  })
  const record = await discardOnFailure(discard, () =>
    storeObject(context, bytes, {
      bucket,
      key,
      headers: {
        'content-type': contentType ?? 'binary/octet-stream',
        ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
      },
      tags: {},
      body,
      checksum: { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: body.checksum },
      event: { reason: 'PutObject', requestId: randomUUID(), requester: LOCAL_ACCOUNT_ID },
      requireConditions: () => undefined,
    }),
  )
  return { etag: record.etag }
}
