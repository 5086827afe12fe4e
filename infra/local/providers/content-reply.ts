/** Content of a file, whole or one range of it. */
import { type Exchange, jsonReply, type Reply } from './exchange.ts'

interface StoredContent {
  blobPath: string
  size: number
  headers: Record<string, string>
}

export function contentReply(
  exchange: Exchange,
  { blobPath, size, ...content }: StoredContent,
): Reply {
  const headers = {
    'accept-ranges': 'bytes',
    // The page of the emulator has the same origin: content must never be shown in it.
    'content-disposition': 'attachment',
    'content-security-policy': "sandbox; default-src 'none'",
    ...content.headers,
  }
  const range = requestedRange(exchange.request.headers.range, size)
  if (range === 'unsatisfiable') {
    return jsonReply(
      416,
      { error: { code: 416, message: 'Request range not satisfiable' } },
      { 'content-range': `bytes */${size}` },
    )
  }
  return range
    ? {
        status: 206,
        headers: { ...headers, 'content-range': `bytes ${range.start}-${range.end - 1}/${size}` },
        body: { blobPath, ...range },
      }
    : { status: 200, headers, body: { blobPath, start: 0, end: size } }
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
