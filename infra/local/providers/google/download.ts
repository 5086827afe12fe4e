/** `alt=media`: content of a file, whole or one range of it. */
import { type Exchange, jsonReply, type Reply } from '../exchange.ts'
import { DriveError } from './drive-error.ts'
import type { DriveFile } from './drive-file.ts'
import type { DriveParts } from './drive-parts.ts'

export function downloadReply(parts: DriveParts, exchange: Exchange, file: DriveFile): Reply {
  const { content } = file
  if (!content) {
    throw new DriveError(
      403,
      'fileNotDownloadable',
      'Only files with binary content can be downloaded. Use Export with Docs Editors files.',
      { location: 'alt', locationType: 'parameter' },
    )
  }
  const headers = {
    'content-type': file.mimeType,
    'accept-ranges': 'bytes',
    // The page of the emulator has the same origin: content must never be shown in it.
    'content-disposition': 'attachment',
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': 'private, max-age=0, must-revalidate',
  }
  const range = requestedRange(exchange.request.headers.range, content.size)
  if (range === 'unsatisfiable') {
    return jsonReply(
      416,
      { error: { code: 416, message: 'Request range not satisfiable' } },
      { 'content-range': `bytes */${content.size}` },
    )
  }
  const blobPath = parts.database.blobPath(content.blob)
  if (!range) return { status: 200, headers, body: { blobPath, start: 0, end: content.size } }
  const contentRange = `bytes ${range.start}-${range.end - 1}/${content.size}`
  return {
    status: 206,
    headers: { ...headers, 'content-range': contentRange },
    body: { blobPath, ...range },
  }
}

/** RFC 9110, 14.1.2; several ranges, or none that can be read, mean the whole. */
function requestedRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const suffix = Math.min(Number(last), size)
    return suffix === 0 ? 'unsatisfiable' : { start: size - suffix, end: size }
  }
  const start = Number(first)
  if (start >= size) return 'unsatisfiable'
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return end > start ? { start, end } : undefined
}
