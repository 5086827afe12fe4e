import * as z from 'zod'
import { storageAccountStatus } from './accounts.ts'
import { lineOfText, linesOfText, pageQuery, recordId, storageProviderId } from './common.ts'
import {
  MAX_FILE_BYTES,
  MAX_FILE_NAME_LENGTH,
  MAX_FILES_PER_INTENT,
  MAX_PARTS_PER_SIGNING,
  MAX_RELATIVE_PATH_LENGTH,
} from './limits.ts'

export const uploadStatus = z.enum([
  'pending',
  'staged',
  'scanning',
  'delivering',
  'uploaded',
  'held',
  'rejected',
  'quarantined',
  'failed',
  'expired',
  'deleted',
  'migrated',
])
export type UploadStatus = z.infer<typeof uploadStatus>

export const uploadReason = z.enum([
  'ACCOUNT_INACTIVE',
  'ACCOUNT_DISCONNECTED',
  'ACCOUNT_ERROR',
  'PROVIDER_FULL',
  'RATE_LIMITED',
  'OUTCOME_UNKNOWN',
  'SIZE_MISMATCH',
  'CONTENT_CHANGED',
  'EXECUTABLE_CONTENT',
  'DELIVERY_REFUSED',
  'CANCELLED',
  'NEVER_ARRIVED',
])
export type UploadReason = z.infer<typeof uploadReason>

const fileName = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_FILE_NAME_LENGTH, `must have at most ${MAX_FILE_NAME_LENGTH} characters`)
  .refine((name) => !/[/\\]/.test(name), 'must be a file name without a path')
  .refine((name) => name.trim() !== '' && name !== '.' && name !== '..', 'is not a file name')
const fileSize = z.number().int().min(0).max(MAX_FILE_BYTES, 'is more than storage providers take')
/** As browsers tell it (https://w3c.github.io/FileAPI/#dfn-type); it becomes a header of the signed request. */
const mimeType = z
  .string()
  .max(255)
  .regex(/^[\x20-\x7e]*$/, 'must be plain ASCII')
const relativePath = z.string().max(MAX_RELATIVE_PATH_LENGTH)
/** Browsers tell it, and nothing is made of it: at the provider a file is as old as its delivery. */
const lastModified = z.number().int().min(0)

/** One file that a client wants to hand over; `relativePath` ends with the file's own name, as `webkitRelativePath` does. */
export const fileIntent = z.strictObject({
  fileName,
  fileSize,
  mimeType: mimeType.default(''),
  relativePath: relativePath.optional(),
  lastModified: lastModified.optional(),
})
export type FileIntent = z.infer<typeof fileIntent>

export const clientFields = {
  clientName: lineOfText(200).optional(),
  clientEmail: z.email('must be an e-mail address').max(254).optional(),
  clientMessage: linesOfText(2000).optional(),
}

/** What the right password of a portal gave. */
const portalToken = z.string().min(1).max(1000)

/** JSON intent: several files, or one file whose members stand flat. */
export const intentRequest = z
  .strictObject({
    portalId: recordId('prt'),
    submissionId: recordId('sub').optional(),
    token: portalToken.optional(),
    ...clientFields,
    files: z
      .array(fileIntent)
      .min(1, 'must name at least one file')
      .max(MAX_FILES_PER_INTENT, `may name at most ${MAX_FILES_PER_INTENT} files`)
      .optional(),
    fileName: fileName.optional(),
    fileSize: fileSize.optional(),
    mimeType: mimeType.optional(),
    relativePath: relativePath.optional(),
    lastModified: lastModified.optional(),
  })
  .superRefine((body, context) => {
    const flat = (
      ['fileName', 'fileSize', 'mimeType', 'relativePath', 'lastModified'] as const
    ).filter((field) => body[field] !== undefined)
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message })
    if (body.files && flat[0]) refuse(flat[0], 'stands beside files; give one or the other')
    if (!body.files && body.fileName === undefined) refuse('files', 'name at least one file')
    if (!body.files && body.fileName !== undefined && body.fileSize === undefined) {
      refuse('fileSize', 'is required')
    }
  })
export type IntentRequest = z.input<typeof intentRequest>

/** A presigned request: send exactly these headers and the exact length. */
export const signedPart = z.object({
  partNumber: z.number(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
})
export type SignedPart = z.infer<typeof signedPart>

export const uploadPlan = z.object({
  uploadId: z.string(),
  fileName: z.string(),
  storageProvider: storageProviderId,
  status: uploadStatus,
  method: z.enum(['put', 'multipart']),
  partSize: z.number(),
  partCount: z.number(),
  partUrls: z.array(signedPart),
})
export type UploadPlan = z.infer<typeof uploadPlan>

export const intentReply = z.object({
  success: z.literal(true),
  submissionId: z.string(),
  uploadToken: z.string(),
  readToken: z.string(),
  uploads: z.array(uploadPlan),
})
export type IntentReply = z.infer<typeof intentReply>

/** Of one file that stood flat, or came as a form: its members stand flat as well. */
const formReply = z.object({
  success: z.literal(true),
  uploadId: z.string(),
  fileName: z.string(),
  storageProvider: storageProviderId,
  status: uploadStatus,
  submissionId: z.string(),
  uploadToken: z.string(),
  readToken: z.string(),
})
const flatReply = z.object({ ...intentReply.shape, ...formReply.shape })
export const announceReply = z.union([flatReply, formReply, intentReply])

/** Fields of the form-data upload beside `file`. */
export const formFields = z.strictObject({
  portalId: recordId('prt'),
  token: portalToken.optional(),
  ...clientFields,
})

export const signPartsRequest = z.strictObject({
  partNumbers: z
    .array(z.number().int())
    .min(1, 'must name at least one part')
    .max(MAX_PARTS_PER_SIGNING, `may name at most ${MAX_PARTS_PER_SIGNING} parts`),
})
export const signPartsReply = z.object({ parts: z.array(signedPart) })
export type SignPartsReply = z.infer<typeof signPartsReply>

export const listPartsReply = z.object({
  partSize: z.number(),
  partCount: z.number(),
  parts: z.array(z.object({ partNumber: z.number(), size: z.number(), etag: z.string() })),
})
export type ListPartsReply = z.infer<typeof listPartsReply>

const contentHash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
const etag = z
  .string()
  .max(100)
  .regex(/^[\x21-\x7e]+$/, 'must be an ETag')
const completedParts = z
  .array(z.strictObject({ partNumber: z.number().int().min(1).max(10_000), etag }))
  .min(1)
  .max(10_000)

export const completeRequest = z.strictObject({
  contentHash: contentHash.optional(),
  parts: completedParts.optional(),
})
export type CompleteRequest = z.infer<typeof completeRequest>

export const completeSubmissionRequest = z.strictObject({
  uploads: z
    .array(
      z.strictObject({
        uploadId: recordId('upl'),
        contentHash: contentHash.optional(),
        parts: completedParts.optional(),
      }),
    )
    .min(1)
    .max(MAX_FILES_PER_INTENT)
    .refine(
      (uploads) => new Set(uploads.map((each) => each.uploadId)).size === uploads.length,
      'may name each file once',
    ),
})

export const completeReply = z.object({ uploadId: z.string(), status: uploadStatus })
export type CompleteReply = z.infer<typeof completeReply>

export const completeSubmissionReply = z.object({ uploads: z.array(completeReply) })

/** What a client may see of its own hand-over; the reason of `held` is the owner's alone. */
export const submissionReply = z.object({
  submissionId: z.string(),
  uploads: z.array(
    z.object({
      uploadId: z.string(),
      fileName: z.string(),
      fileSize: z.number(),
      status: uploadStatus,
      destination: z.object({ storageProvider: storageProviderId, name: z.string() }).optional(),
    }),
  ),
})
export type SubmissionReply = z.infer<typeof submissionReply>

/** A long hand-over is shown in pages. */
export const submissionQuery = z.strictObject({ cursor: z.string().max(10).optional() })

/** A file as its owner sees it. */
export const uploadReply = z.object({
  id: z.string(),
  portalId: z.string(),
  submissionId: z.string(),
  fileName: z.string(),
  relativePath: z.string().nullable(),
  fileSize: z.number(),
  mimeType: z.string(),
  status: uploadStatus,
  reason: uploadReason.nullable(),
  late: z.boolean(),
  retryAt: z.string().nullable(),
  storageProvider: storageProviderId,
  storageAccountId: z.string().nullable(),
  intendedStorageAccountId: z.string(),
  storageFileId: z.string().nullable(),
  storagePath: z.string().nullable(),
  storageStatus: storageAccountStatus.nullable(),
  sha256: z.string().nullable(),
  contentHash: z.string().nullable(),
  clientName: z.string().nullable(),
  clientEmail: z.string().nullable(),
  clientMessage: z.string().nullable(),
  createdAt: z.string(),
  receivedAt: z.string().nullable(),
  deliveredAt: z.string().nullable(),
})
export type UploadReply = z.infer<typeof uploadReply>

export const uploadsReply = z.object({ uploads: z.array(uploadReply) })
export type UploadsReply = z.infer<typeof uploadsReply>

/** A time, or a day (UTC) that stands for its first or its last moment. */
function moment(ofDay: string) {
  return z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], {
      error: 'must be a day such as 2026-12-31 or a time such as 2026-12-31T17:00:00Z',
    })
    .transform((text) => new Date(text.length === 10 ? `${text}T${ofDay}Z` : text).toISOString())
    .refine((time) => /^\d{4}-/.test(time), 'must be a time of our calendar')
}

const LISTS = ['portalId', 'storageAccountId', 'clientEmail'] as const

/** One list, by time. With `status` or `q`, the beginning of a file's name, a page may be short although more follows. */
export const uploadsQuery = pageQuery(50)
  .extend({
    portalId: recordId('prt').optional(),
    storageAccountId: recordId('acc').optional(),
    clientEmail: clientFields.clientEmail,
    from: moment('00:00:00.000').optional(),
    to: moment('23:59:59.999').optional(),
    status: uploadStatus.optional(),
    q: z.string().min(1, 'must not be empty').max(MAX_FILE_NAME_LENGTH).optional(),
  })
  .superRefine((query, context) => {
    const [first, ...others] = LISTS.filter((name) => query[name] !== undefined)
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message })
    for (const name of others) refuse(name, `stands beside ${first}; give one or the other`)
    if (query.from && query.to && query.to < query.from) refuse('to', 'must not be before from')
  })
export type UploadsQuery = z.infer<typeof uploadsQuery>

/** `recordOnly=true` leaves the file where it is and forgets it here. */
export const deleteUploadQuery = z.strictObject({
  recordOnly: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
})

export const deleteUploadReply = z.object({
  success: z.boolean(),
  message: z.string(),
  deletedFromCloud: z.boolean(),
  deletedFromDatabase: z.boolean(),
})
export type DeleteUploadReply = z.infer<typeof deleteUploadReply>

export const preparingReply = z.object({
  status: z.literal('preparing'),
  retryAfterSeconds: z.number(),
})
export type PreparingReply = z.infer<typeof preparingReply>

/** Of whom nothing is to be kept: who made one hand-over, or whoever gave this address. */
export const eraseClientRequest = z
  .strictObject({
    submissionId: recordId('sub').optional(),
    clientEmail: clientFields.clientEmail,
  })
  .superRefine(({ submissionId, clientEmail }, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message })
    if (submissionId && clientEmail) refuse('clientEmail', 'stands beside submissionId')
    if (!submissionId && !clientEmail) refuse('clientEmail', 'or submissionId is required')
  })
export type EraseClientRequest = z.infer<typeof eraseClientRequest>

export const eraseClientReply = z.object({
  success: z.literal(true),
  message: z.string(),
  /** Hand-overs that no longer say who made them. */
  erasedSubmissions: z.number(),
  /** Files that had not been delivered: they are gone, with their bytes. */
  removedFiles: z.number(),
  /** False when there was too much for one call: call again. */
  complete: z.boolean(),
})
export type EraseClientReply = z.infer<typeof eraseClientReply>
