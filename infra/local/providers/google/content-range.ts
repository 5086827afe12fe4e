/** `Content-Range` of an upload session's request. */
import { UploadProtocolError } from './drive-error.ts'

export type ContentRange =
  /** `bytes * /total`: asks how far the session is. */
  | { kind: 'query'; total: number | undefined }
  | { kind: 'bytes'; start: number; end: number; total: number | undefined }

/** `end` is exclusive here; on the wire it is inclusive. Throws the upload server's own refusal. */
export function parseContentRange(header: string): ContentRange {
  const match = /^bytes (?:\*|(\d+)-(\d+))\/(?:\*|(\d+))$/.exec(header.trim())
  if (!match) throw unreadableRange()
  const [, first, last, size] = match
  const total = size === undefined ? undefined : Number(size)
  if (first === undefined || last === undefined) return { kind: 'query', total }
  const start = Number(first)
  const end = Number(last) + 1
  if (end <= start || (total !== undefined && end > total)) throw unreadableRange()
  return { kind: 'bytes', start, end, total }
}

export function unreadableRange(): UploadProtocolError {
  return new UploadProtocolError(400, 'Failed to parse Content-Range header.')
}
