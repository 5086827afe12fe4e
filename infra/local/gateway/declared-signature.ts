/**
 * Reads what a request says of its signature, in the Authorization header, in the query or in the
 * fields of a browser's upload form; nothing is verified here
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 */
import { canonicalQuery, parseQuery, type QueryPair } from './canonical-uri.ts'
import { SignatureFault } from './signature-fault.ts'

export const ALGORITHM = 'AWS4-HMAC-SHA256'
/** "604800 seconds (7 days)" is the longest life of a presigned URL. */
const MAX_EXPIRES_SECONDS = 604_800

/** The parts of an incoming request that are signed; Node's IncomingMessage has this shape. */
export interface SignedRequest {
  method?: string | undefined
  url?: string | undefined
  rawHeaders: readonly string[]
  headers: { readonly authorization?: string | undefined }
}

/** A signature as its request declares it, not yet verified. */
export interface DeclaredSignature {
  presigned: boolean
  accessKeyId: string
  /** `20261122/us-east-1/s3`. */
  scope: string
  region: string
  service: string
  signedHeaders: readonly string[]
  signature: string
  /** Life of a presigned URL. */
  expiresSeconds: number | undefined
  /** `X-Amz-Date` of a presigned URL; a header signature has it among the headers. */
  queryDate: string | undefined
  queryToken: string | undefined
  queryPayloadHash: string | undefined
  canonicalQuery: string
}

/** Reads the signature of a request; undefined when it is not signed at all. */
export function readSignature(request: SignedRequest): DeclaredSignature | undefined {
  const rawUrl = request.url ?? '/'
  if (!/^[\x21-\x7e]*$/.test(rawUrl)) {
    throw new SignatureFault('malformed-request', "Couldn't parse the specified URI.")
  }
  const mark = rawUrl.indexOf('?')
  const query = parseQuery(mark < 0 ? '' : rawUrl.slice(mark + 1))
  const inQuery = query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')
  const header = request.headers.authorization

  if (header !== undefined && inQuery) {
    throw new SignatureFault(
      'two-mechanisms',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    )
  }
  if (header !== undefined) return readHeader(header, query)
  return inQuery ? readQuery(query) : undefined
}

export type FormSignature = Pick<
  DeclaredSignature,
  'accessKeyId' | 'scope' | 'region' | 'service' | 'signature'
>

/**
 * Reads the signature of a browser's upload form; undefined when its fields hold no policy.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
export function readFormSignature(fields: ReadonlyMap<string, string>): FormSignature | undefined {
  if (!fields.has('policy')) return undefined
  const [algorithm, credential, signature] = ['algorithm', 'credential', 'signature'].map((name) =>
    fields.get(`x-amz-${name}`),
  )
  if (algorithm !== ALGORITHM || !credential || !signature) {
    throw new SignatureFault(
      'malformed-form',
      "Bucket POST must contain fields named 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date' and 'X-Amz-Signature'. If they are specified, please check the order of the fields.",
    )
  }
  return { ...readCredential(credential, 'malformed-form'), signature }
}

function readHeader(header: string, query: readonly QueryPair[]): DeclaredSignature {
  const fields =
    /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/.exec(
      header.trim(),
    )
  if (!fields) {
    throw new SignatureFault(
      'malformed-header',
      'The authorization header is malformed; it needs AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.',
    )
  }
  const [, credential = '', signedHeaders = '', signature = ''] = fields
  return {
    ...readCredential(credential, 'malformed-header'),
    presigned: false,
    signedHeaders: signedHeaders.split(';'),
    signature,
    expiresSeconds: undefined,
    queryDate: undefined,
    queryToken: undefined,
    queryPayloadHash: undefined,
    canonicalQuery: canonicalQuery(query),
  }
}

function readQuery(query: readonly QueryPair[]): DeclaredSignature {
  const only = (name: string): string | undefined => {
    const found = query.filter((pair) => pair[0] === name)
    if (found.length > 1) {
      throw new SignatureFault('malformed-query', `Query parameter ${name} is given twice`)
    }
    return found[0]?.[1]
  }
  const algorithm = only('X-Amz-Algorithm')
  const credential = only('X-Amz-Credential')
  const signature = only('X-Amz-Signature')
  const queryDate = only('X-Amz-Date')
  const signedHeaders = only('X-Amz-SignedHeaders')
  const expires = only('X-Amz-Expires')
  if (!algorithm || !credential || !signature || !queryDate || !signedHeaders || !expires) {
    throw new SignatureFault(
      'malformed-query',
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  }
  if (algorithm !== ALGORITHM) {
    throw new SignatureFault('malformed-query', `X-Amz-Algorithm only supports "${ALGORITHM}"`)
  }
  const expiresSeconds = /^\d{1,9}$/.test(expires) ? Number(expires) : Number.NaN
  if (!(expiresSeconds >= 1 && expiresSeconds <= MAX_EXPIRES_SECONDS)) {
    throw new SignatureFault(
      'malformed-query',
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  }
  return {
    ...readCredential(credential, 'malformed-query'),
    presigned: true,
    signedHeaders: signedHeaders.split(';'),
    signature,
    expiresSeconds,
    queryDate,
    queryToken: only('X-Amz-Security-Token'),
    queryPayloadHash: only('X-Amz-Content-Sha256'),
    canonicalQuery: canonicalQuery(query),
  }
}

function readCredential(
  credential: string,
  kind: 'malformed-header' | 'malformed-query' | 'malformed-form',
): Pick<DeclaredSignature, 'accessKeyId' | 'scope' | 'region' | 'service'> {
  const fields = /^([^/]+)\/((\d{8})\/([^/]+)\/([^/]+))\/aws4_request$/.exec(credential)
  if (!fields) {
    throw new SignatureFault(
      kind,
      'Error parsing the Credential; it must be "<access key>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    )
  }
  const [, accessKeyId = '', scope = '', , region = '', service = ''] = fields
  return { accessKeyId, scope, region, service }
}
