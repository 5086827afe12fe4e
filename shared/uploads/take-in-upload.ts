/**
 * Intake: S3 has an object. Its ETag is fixed, its first bytes are looked at, and it is handed to
 * delivery. Every step may be repeated: the table says how far an upload has come.
 */
import { fileTypeFromBuffer } from 'file-type'
import type { IntakeMessage } from '../contract/messages.ts'
import { deliveryKind } from '../deliveries/delivery.ts'
import type { DeliveryStore } from '../deliveries/delivery-store.ts'
import { nameInFolder } from '../deliveries/name-in-folder.ts'
import { giveBack } from '../limits/reservations.ts'
import type { Clock } from '../platform/clock.ts'
import { SAFE_PREFIX } from '../platform/env-names.ts'
import { eventPut } from '../platform/events.ts'
import type { UploadQueue } from '../platform/queues.ts'
import type { StagedObject, StagedPart, StagingBucket } from '../platform/staging-bucket.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import { expireUpload } from './expire-upload.ts'
import { isTerminal, type Upload, uploadIdOfKey, wholeParts } from './upload.ts'
import { RESERVATION_MS } from './upload-arrival.ts'
import type { UploadStore } from './upload-store.ts'

export interface IntakeDeps {
  table: Table
  uploads: UploadStore
  deliveries: DeliveryStore
  staging: StagingBucket
  queues: Record<'small-delivery' | 'large-delivery', UploadQueue>
  clock: Clock
}

/** Enough for every signature that file-type knows (https://github.com/sindresorhus/file-type#readme). */
const SNIFF_BYTES = 4100

export async function takeInUpload(deps: IntakeDeps, message: IntakeMessage): Promise<void> {
  if ('uploadId' in message) return recheck(deps, message.uploadId)
  const { key, size, etag } = message.detail.object
  const uploadId = uploadIdOfKey(key)
  // A key that no intent gave out: the bucket's policy lets nobody write it, so it is not ours to keep.
  if (uploadId === undefined) return deps.staging.remove(key)
  await takeIn(deps, uploadId, key, { sizeBytes: size, etag })
}

/** The sweep asks: S3's event may be lost, the client may be gone, or it is still sending. */
async function recheck(deps: IntakeDeps, uploadId: string): Promise<void> {
  const upload = await deps.uploads.find(uploadId)
  if (!upload || (upload.status !== 'pending' && upload.status !== 'staged')) return
  const object = await deps.staging.head(upload.stagingKey)
  if (object) return takeIn(deps, uploadId, upload.stagingKey, object)
  // Taken in and yet gone: nothing of ours deletes an object before the end of its upload.
  if (upload.status === 'staged') return reject(deps, upload, 'CONTENT_CHANGED')
  const parts = await arrivedParts(deps, upload)
  if (await putTogether(deps, upload, parts)) return recheck(deps, uploadId)
  const seen = wholeParts(upload, parts).length
  const isReserved = deps.clock.now() < Date.parse(upload.createdAt) + RESERVATION_MS
  if (isReserved || seen > (upload.partsSeen ?? 0)) {
    await deps.uploads.renew(upload, seen)
    return
  }
  await expireUpload(deps, upload)
}

async function arrivedParts(deps: IntakeDeps, upload: Upload): Promise<StagedPart[]> {
  if (upload.multipartUploadId === undefined) return []
  return (await deps.staging.listParts(upload.stagingKey, upload.multipartUploadId)) ?? []
}

/** A browser that vanished after its last byte has handed its file over all the same. */
async function putTogether(
  deps: IntakeDeps,
  upload: Upload,
  parts: StagedPart[],
): Promise<boolean> {
  const arrivedBytes = parts.reduce((sum, part) => sum + part.size, 0)
  if (upload.multipartUploadId === undefined || arrivedBytes !== upload.fileSize) return false
  const { stagingKey, multipartUploadId, fileSize } = upload
  const outcome = await deps.staging.completeMultipart(
    stagingKey,
    multipartUploadId,
    parts,
    fileSize,
  )
  return outcome === 'completed'
}

async function takeIn(
  deps: IntakeDeps,
  uploadId: string,
  key: string,
  object: StagedObject,
): Promise<void> {
  const staged = await deps.uploads.stage(uploadId, object)
  // An object without an upload: its intent's transaction never happened.
  if (!staged) return deps.staging.remove(key)
  const { upload } = staged
  if (!staged.changed) {
    if (isTerminal(upload.status)) return deps.staging.remove(key)
    if (upload.status === 'pending') return reject(deps, upload, 'SIZE_MISMATCH')
    if (upload.etag !== object.etag) return reject(deps, upload, 'CONTENT_CHANGED')
    if (upload.status !== 'staged') return
  }
  const verdict = await sniff(deps, upload)
  if (verdict !== 'as-declared') return reject(deps, upload, verdict)
  await handOver(deps, upload)
  await deps.queues[deliveryKind(upload.fileSize)].send([
    { uploadId: upload.id, userId: upload.userId },
  ])
}

/**
 * Files in `safe/` skip the malware scan because they say that they are images; a program or a
 * script behind an image's name is refused.
 */
async function sniff(
  deps: IntakeDeps,
  upload: Upload,
): Promise<'as-declared' | 'CONTENT_CHANGED' | 'EXECUTABLE_CONTENT'> {
  if (upload.fileSize === 0) return 'as-declared'
  const body = await deps.staging.read(upload.stagingKey, upload.etag ?? '', {
    offsetBytes: 0,
    sizeBytes: Math.min(SNIFF_BYTES, upload.fileSize),
  })
  if (!body) return 'CONTENT_CHANGED'
  const head = Buffer.concat(await body.toArray())
  return upload.stagingKey.startsWith(SAFE_PREFIX) && (await isExecutable(head))
    ? 'EXECUTABLE_CONTENT'
    : 'as-declared'
}

const EXECUTABLE_TYPES = [
  'application/x-msdownload',
  'application/x-elf',
  'application/x-mach-binary',
  'application/wasm',
  'application/x-ms-shortcut',
  'application/java-vm',
]

async function isExecutable(head: Buffer): Promise<boolean> {
  const type = await fileTypeFromBuffer(head)
  if (type) return EXECUTABLE_TYPES.includes(type.mime)
  const text = head.toString('latin1').trimStart().toLowerCase()
  return (
    text.startsWith('#!') ||
    text.startsWith('<script') ||
    text.startsWith('<svg') ||
    text.startsWith('<!doctype html')
  )
}

async function handOver(deps: IntakeDeps, upload: Upload): Promise<void> {
  for (let number = 1; ; number += 1) {
    try {
      await transact(deps.table, [
        deps.uploads.handOver(upload),
        ...deps.deliveries.create(upload, nameInFolder(upload, upload.storageProvider, number)),
      ])
      return
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error
      const [uploadRefused, deliveryExists, nameTaken] = error.items
      // Handed over by an earlier delivery of this message; sending again does no harm.
      if (uploadRefused !== undefined || deliveryExists !== undefined) return
      if (nameTaken === undefined) throw error
    }
  }
}

async function reject(
  deps: IntakeDeps,
  upload: Upload,
  reason: 'SIZE_MISMATCH' | 'CONTENT_CHANGED' | 'EXECUTABLE_CONTENT',
): Promise<void> {
  const isOnItsWay = upload.status === 'delivering' || upload.status === 'held'
  await transact(deps.table, [
    deps.uploads.reject(upload, reason),
    ...(isOnItsWay ? [deps.deliveries.abandon(upload)] : []),
    ...giveBack(deps.table, upload),
    eventPut(deps.table, deps.clock, 'upload.rejected', {
      userId: upload.userId,
      actor: 'intake',
      subjectId: upload.id,
      before: upload.status,
      after: 'rejected',
      reason,
    }),
  ])
  await deps.staging.remove(upload.stagingKey)
}
