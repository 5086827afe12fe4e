/**
 * How Drive v3 is spoken: addresses, headers and bodies, all pure.
 * Uploads: https://developers.google.com/workspace/drive/api/guides/manage-uploads
 */
import * as z from 'zod'
import { parseJson } from '../answers.ts'
import { Rejected } from '../failures.ts'
import type { ByteRange, RemoteFile, UploadTarget } from '../provider.ts'

export const FOLDER_MIME_TYPE = 'application/vnd.google-apps.folder'

/** Without `fields` Drive answers with kind, id, name and type alone. */
export const FILE_FIELDS = 'id,name,size,trashed,webViewLink,md5Checksum,sha256Checksum'

/** Drive writes 64-bit numbers as strings. */
const byteCount = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number)

const driveFile = z
  .object({
    id: z.string().min(1),
    name: z.string(),
    // Folders and Google's own documents have no size.
    size: byteCount.default(0),
    trashed: z.boolean().default(false),
    webViewLink: z.string().optional(),
    md5Checksum: z.string().toLowerCase().optional(),
    sha256Checksum: z.string().toLowerCase().optional(),
  })
  .transform(
    (file): RemoteFile => ({
      id: file.id,
      name: file.name,
      sizeBytes: file.size,
      trashed: file.trashed,
      ...(file.webViewLink !== undefined && { webUrl: file.webViewLink }),
      ...(file.md5Checksum !== undefined && { md5: file.md5Checksum }),
      ...(file.sha256Checksum !== undefined && { sha256: file.sha256Checksum }),
    }),
  )

const generatedIds = z.object({ ids: z.array(z.string().min(1)) }).transform(({ ids }) => ids)

const about = z
  .object({ storageQuota: z.object({ usage: byteCount.default(0), limit: byteCount.optional() }) })
  .transform(({ storageQuota: { usage, limit } }) => ({
    usedBytes: usage,
    ...(limit !== undefined && { totalBytes: limit }),
  }))

/** Each gives undefined for a body that is not what Drive documents. */
export const readFile = (body: string) => driveFile.safeParse(parseJson(body)).data
export const readIds = (body: string) => generatedIds.safeParse(parseJson(body)).data
export const readQuota = (body: string) => about.safeParse(parseJson(body)).data

/**
 * The client's type, unless it is no type at all or one that would make Drive create a folder,
 * a shortcut or a document of its own instead of storing the bytes.
 */
export function storedMimeType(mimeType: string): string {
  const isType = /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(mimeType)
  const isGooglesOwn = mimeType.toLowerCase().startsWith('application/vnd.google-apps.')
  return isType && !isGooglesOwn ? mimeType : 'application/octet-stream'
}

/** Metadata of a new file under its reserved id. */
export function fileMetadata(target: UploadTarget): Record<string, unknown> {
  return {
    id: target.fileId,
    name: target.name,
    mimeType: storedMimeType(target.mimeType),
    parents: [target.folderId],
  }
}

/** `fields` given here also governs what the last request of a session answers. */
export function uploadUrl(apiUrl: string, uploadType: 'multipart' | 'resumable'): URL {
  const url = new URL('/upload/drive/v3/files', apiUrl)
  url.search = new URLSearchParams({
    uploadType,
    supportsAllDrives: 'true',
    fields: FILE_FIELDS,
  }).toString()
  return url
}

/** Without `supportsAllDrives` a file of a shared drive answers 404. */
export function fileUrl(apiUrl: string, fileId: string): URL {
  const url = new URL(`/drive/v3/files/${encodeURIComponent(fileId)}`, apiUrl)
  url.searchParams.set('supportsAllDrives', 'true')
  return url
}

export function contentUrl(apiUrl: string, fileId: string): URL {
  const url = fileUrl(apiUrl, fileId)
  url.searchParams.set('alt', 'media')
  return url
}

export function aboutUrl(apiUrl: string): URL {
  return new URL('/drive/v3/about?fields=storageQuota', apiUrl)
}

/** A session address is followed with a token only when it lies at the configured API. */
export function sessionUrl(apiUrl: string, sessionUri: string): URL {
  const url = URL.parse(sessionUri, apiUrl)
  if (url?.origin !== new URL(apiUrl).origin) {
    throw new Rejected({ reason: 'FOREIGN_URL', diagnostics: { provider: 'google_drive' } })
  }
  return url
}

/** What stands around the bytes of a `multipart/related` upload. */
export function multipartEnvelope(target: UploadTarget, boundary: string) {
  return {
    contentType: `multipart/related; boundary=${boundary}`,
    head: Buffer.from(
      `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n` +
        `${JSON.stringify(fileMetadata(target))}\r\n` +
        `--${boundary}\r\nContent-Type: ${storedMimeType(target.mimeType)}\r\n\r\n`,
    ),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  }
}

export function contentRange(chunk: ByteRange, totalBytes: number): string {
  return `bytes ${chunk.offsetBytes}-${chunk.offsetBytes + chunk.sizeBytes - 1}/${totalBytes}`
}

// The documentation prints this header without its unit, which Drive itself answers with 400.
/** Content-Range of the empty request that asks where a session is. */
export function progressRange(totalBytes: number): string {
  return `bytes */${totalBytes}`
}

/**
 * How many bytes a 308 reports: "Range: bytes=0-K" is K + 1, no Range header is none. Undefined for
 * anything else, from which nothing can be concluded.
 */
export function storedBytes(headers: Headers): number | undefined {
  const range = headers.get('range')
  if (range === null) return 0
  const last = /^bytes=0-(\d{1,16})$/.exec(range)?.[1]
  return last === undefined ? undefined : Number(last) + 1
}
