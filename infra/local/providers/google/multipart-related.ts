/** `multipart/related` of `uploadType=multipart`: metadata, then content, which is streamed. */
import { DriveError } from './drive-error.ts'

/** Metadata and the headers of both parts stay far below this. */
const MAX_HEAD_BYTES = 1024 * 1024

interface RelatedBody {
  metadata: string
  /** `Content-Type` of the second part. */
  contentType: string | undefined
  content: AsyncIterable<Buffer>
}

/** The boundary of the content type; undefined when it is not multipart/related. */
export function relatedBoundary(contentType: string | undefined): string | undefined {
  if (!/^multipart\/related\b/i.test(contentType ?? '')) return undefined
  const match = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType ?? '')
  return match?.[1] ?? match?.[2]
}

export async function readRelated(
  body: AsyncIterable<Buffer>,
  boundary: string,
): Promise<RelatedBody> {
  const source = body[Symbol.asyncIterator]()
  const delimiter = Buffer.from(`--${boundary}`)
  let head = Buffer.alloc(0)
  for (;;) {
    const parts = splitHead(head, delimiter)
    if (parts) {
      const { metadata, contentType, contentStart } = parts
      const content = untilDelimiter(head.subarray(contentStart), source, boundary)
      return { metadata, contentType, content }
    }
    if (head.length > MAX_HEAD_BYTES) throw malformed()
    const next = await source.next()
    if (next.done) throw malformed()
    head = Buffer.concat([head, next.value])
  }
}

/** The first part whole and where the second one's content starts; undefined while bytes are missing. */
function splitHead(head: Buffer, delimiter: Buffer) {
  const first = head.indexOf(delimiter)
  if (first === -1) return undefined
  const metadataStart = afterHeaders(head, first)
  if (metadataStart === undefined) return undefined
  const second = head.indexOf(Buffer.concat([Buffer.from('\r\n'), delimiter]), metadataStart)
  if (second === -1) return undefined
  const contentStart = afterHeaders(head, second + 2)
  if (contentStart === undefined) return undefined
  const headers = head.toString('latin1', second, contentStart)
  return {
    metadata: head.toString('utf8', metadataStart, second),
    contentType: /^content-type:\s*(.+?)\s*$/im.exec(headers)?.[1],
    contentStart,
  }
}

function afterHeaders(head: Buffer, from: number): number | undefined {
  const end = head.indexOf('\r\n\r\n', from)
  return end === -1 ? undefined : end + 4
}

/** Hands on everything before the closing delimiter; holds back what could be its beginning. */
async function* untilDelimiter(
  first: Buffer,
  source: AsyncIterator<Buffer>,
  boundary: string,
): AsyncGenerator<Buffer> {
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  let held = first
  for (;;) {
    const end = held.indexOf(delimiter)
    if (end !== -1) {
      if (end > 0) yield held.subarray(0, end)
      return
    }
    const safe = held.length - delimiter.length
    if (safe > 0) {
      yield held.subarray(0, safe)
      held = held.subarray(safe)
    }
    const next = await source.next()
    if (next.done) throw malformed()
    held = Buffer.concat([held, next.value])
  }
}

function malformed(): DriveError {
  return new DriveError(400, 'badRequest', 'Malformed multipart body.')
}
