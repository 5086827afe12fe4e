/**
 * Path and query as Signature Version 4 hashes them
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
import { SignatureFault } from './signature-fault.ts'

export type QueryPair = readonly [name: string, value: string]

export function parseQuery(raw: string): QueryPair[] {
  if (raw === '') return []
  return raw
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      return equals < 0
        ? ([decode(part), ''] as const)
        : ([decode(part.slice(0, equals)), decode(part.slice(equals + 1))] as const)
    })
}

/** A plus sign is a space, as the engines' `URL` reads it: what is verified is what is obeyed. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause
    throw new SignatureFault('malformed-request', "Couldn't parse the specified URI.")
  }
}

/** "UriEncode every byte except the unreserved characters A-Z a-z 0-9 - . _ ~". */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

export function canonicalQuery(query: readonly QueryPair[]): string {
  const pairs: QueryPair[] = []
  for (const [name, value] of query) {
    if (name !== 'X-Amz-Signature') pairs.push([uriEncode(name), uriEncode(value)])
  }
  pairs.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** "For Amazon S3 the path is URI-encoded once and not normalised; for other services twice." */
export function canonicalPath(rawUrl: string, service: string): string {
  const mark = rawUrl.indexOf('?')
  const path = mark < 0 ? rawUrl : rawUrl.slice(0, mark)
  if (path === '/') return path
  const once = path
    .split('/')
    .map((segment) => uriEncode(decode(segment.replaceAll('+', '%2B'))))
    .join('/')
  return service === 's3' ? once : once.split('/').map(uriEncode).join('/')
}
