/** `/upload/drive/v3/files`: content in one request (`media`, `multipart`), or the opening of a session (`resumable`). */
import { BlobWriter } from '../blob-writer.ts'
import type { Exchange, Reply } from '../exchange.ts'
import { ContentHash } from './content-hash.ts'
import { authenticate, type Caller } from './drive-access.ts'
import { DriveError, invalidValue } from './drive-error.ts'
import type { FileContent } from './drive-file.ts'
import { withMetadata } from './drive-files.ts'
import {
  createFile,
  type DriveParts,
  fileReply,
  newFileId,
  parentFolder,
  wantedFields,
  writableFile,
} from './drive-parts.ts'
import { type FileMetadata, parseMetadata } from './file-metadata.ts'
import { readRelated, relatedBoundary } from './multipart-related.ts'
import { openSession } from './resumable.ts'

/** Content that comes in one request. */
interface SimpleUpload {
  metadata: FileMetadata
  contentType: string | undefined
  content: AsyncIterable<Buffer>
}

export async function handleUpload(
  parts: DriveParts,
  exchange: Exchange,
  replacedId: string | undefined,
): Promise<Reply> {
  const uploadType = exchange.url.searchParams.get('uploadType')
  if (uploadType === 'resumable') return await openSession(parts, exchange, replacedId)

  const caller = authenticate(parts, exchange, 'write')
  const fields = wantedFields(exchange)
  const upload = await readUpload(exchange, uploadType)
  return replacedId === undefined
    ? await createWithContent(parts, caller, upload, fields)
    : await replaceContent(parts, exchange, caller, replacedId, upload, fields)
}

async function readUpload(exchange: Exchange, uploadType: string | null): Promise<SimpleUpload> {
  const contentType = exchange.request.headers['content-type']
  if (uploadType === 'media') return { metadata: {}, contentType, content: exchange.body }
  if (uploadType !== 'multipart') throw invalidValue('uploadType')
  const boundary = relatedBoundary(contentType)
  if (boundary === undefined) {
    throw new DriveError(400, 'badContent', 'Unsupported content with type: multipart expected')
  }
  const related = await readRelated(exchange.body, boundary)
  exchange.text = related.metadata
  return { ...related, metadata: parseMetadata(related.metadata) }
}

async function createWithContent(
  parts: DriveParts,
  caller: Caller,
  upload: SimpleUpload,
  fields: string | undefined,
): Promise<Reply> {
  const { metadata } = upload
  const id = newFileId(parts, caller, metadata, true)
  parentFolder(parts, caller, metadata.parents?.[0])
  const mimeType = metadata.mimeType ?? upload.contentType ?? 'application/octet-stream'
  return await withContent(parts, upload.content, (content) => {
    return fileReply(caller, createFile(parts, caller, { id, metadata, mimeType, content }), fields)
  })
}

async function replaceContent(
  parts: DriveParts,
  exchange: Exchange,
  caller: Caller,
  id: string,
  upload: SimpleUpload,
  fields: string | undefined,
): Promise<Reply> {
  writableFile(parts, caller, id)
  return await withContent(parts, upload.content, (content) => {
    const before = writableFile(parts, caller, id)
    const addParents = exchange.url.searchParams.get('addParents') ?? undefined
    const changed = withMetadata(parts, caller, before, upload.metadata, addParents)
    const mimeType = upload.metadata.mimeType ?? upload.contentType ?? before.mimeType
    const after = { ...changed, content, mimeType, revision: parts.files.newBlob() }
    parts.files.update(after, before)
    return fileReply(caller, after, fields)
  })
}

/** Stores the content and lets `use` take it; content that nobody takes is removed. */
async function withContent(
  parts: DriveParts,
  source: AsyncIterable<Buffer>,
  use: (content: FileContent) => Reply,
): Promise<Reply> {
  const blob = parts.files.newBlob()
  const hash = new ContentHash()
  const writer = new BlobWriter(parts.database.blobPath(blob), 0, 1, hash)
  let size = 0
  try {
    try {
      for await (const chunk of source) await writer.write(chunk)
    } finally {
      size = await writer.end()
    }
    return use({ blob, size, ...hash.digest() })
  } catch (error) {
    parts.files.removeBlob(blob)
    throw error
  }
}
