import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSignature } from '../../../infra/local/gateway/declared-signature.ts'
import { SignatureFault } from '../../../infra/local/gateway/signature-fault.ts'
import { verifySignature } from '../../../infra/local/gateway/sigv4.ts'
import { clientConfig, makePrincipal } from './harness.ts'

const HOST = '127.0.0.1:4401'
const principal = makePrincipal()
const temporary = makePrincipal({
  accessKeyId: 'ASIATEMPORARY',
  secretAccessKey: 'temporary-secret',
  sessionToken: 'temporary/token+1==',
})
const principals = [principal, temporary]

/** A request as it arrives; `signed` are the names of the headers that a flip may hit. */
interface Wire {
  method: string
  url: string
  headers: [name: string, value: string][]
  bodyHash: string | undefined
}

/** Why the request is refused; undefined when it is accepted. */
function refusal(wire: Wire, now: number): string | undefined {
  const request = {
    method: wire.method,
    url: wire.url,
    rawHeaders: wire.headers.flat(),
    headers: {
      authorization: wire.headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1],
    },
  }
  try {
    const declared = readSignature(request)
    if (!declared) return 'unsigned'
    const signer = principals.find((it) => it.accessKeyId === declared.accessKeyId)
    if (!signer) return 'unknown key'
    verifySignature(request, declared, signer, now, wire.bodyHash)
    return undefined
  } catch (failure) {
    if (!(failure instanceof SignatureFault)) throw failure
    return failure.kind
  }
}

/** The SDK's own spelling of a query and of the segments of a path. */
function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

type Query = Record<string, string | string[]>

function spelled(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${escapeUri(name)}=${escapeUri(value)}`),
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

interface OwnSigner {
  sign(request: object, options: object): Promise<{ headers: Record<string, string> }>
}

/** The signer that the client itself uses. */
async function signerOf(service: string, as: typeof principal): Promise<OwnSigner> {
  const Client = service === 's3' ? S3Client : DynamoDBClient
  const { config } = new Client(clientConfig(`http://${HOST}`, as))
  const { signer } = config as unknown as { signer: OwnSigner | ((scheme: object) => unknown) }
  return (typeof signer === 'function' ? await signer({}) : signer) as OwnSigner
}

/** The same draws in every run; another number searches elsewhere. */
const SEED = 20_261_122
const NOW = Date.UTC(2026, 10, 22, 14)
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

interface Drawn {
  service: string
  as: typeof principal
  method: string
  segments: string[]
  query: Query
  headers: Record<string, string>
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom('a b', 'a+b', '%41', '~-_.', "!'()*", 'ü–"', '=&?#', 'ＡＢ', '🚚'),
)
const segment = text.filter((it) => !it.includes('/'))
const headerValue = fc.string({
  unit: fc.constantFrom(...'ab19 \t,;=+/%"üé'.replace(/[üé]/g, '')),
  maxLength: 20,
})
const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    service: fc.constantFrom('s3', 'sqs'),
    as: fc.constantFrom(...principals),
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
    segments: fc.array(segment, { maxLength: 4 }),
    odd: fc.constantFrom([], ['', 'x'], ['..', 'x'], ['.', '']),
    query: fc.dictionary(
      text.filter((it) => !/^X-Amz-/i.test(it) && it !== '__proto__'),
      fc.oneof(text, fc.constant(''), fc.array(text, { minLength: 1, maxLength: 3 })),
      { maxKeys: 4 },
    ),
    headers: fc.dictionary(
      fc.constantFrom('x-amz-meta-note', 'x-amz-acl', 'content-type', 'range', 'if-match'),
      headerValue,
    ),
  })
  // Only S3 knows paths with empty and dot segments: elsewhere the signer folds them away.
  .map(({ odd, segments, ...rest }) => ({
    ...rest,
    segments:
      rest.service === 's3'
        ? [...segments, ...odd]
        : segments.filter((it) => !/^\.{1,2}$/.test(it)),
  }))

async function signed({ service, as, method, segments, query, headers }: Drawn): Promise<Wire> {
  const path = `/${segments.map(escapeUri).join('/')}`
  const signer = await signerOf(service, as)
  const request = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: 4401,
      path,
      query,
      headers: { host: HOST, ...headers },
    },
    { signingDate: new Date(NOW), signingRegion: 'us-east-1', signingService: service },
  )
  return {
    method,
    url: spelled(path, query),
    headers: Object.entries(request.headers),
    bodyHash: service === 's3' ? undefined : EMPTY_HASH,
  }
}

async function presigned(as: typeof principal, key: string, name: string): Promise<Wire> {
  const client = new S3Client(clientConfig(`http://${HOST}`, as))
  const url = await getSignedUrl(
    client,
    new GetObjectCommand({ Bucket: 'staging', Key: key, ResponseContentDisposition: name }),
    { expiresIn: 900, signingDate: new Date(NOW) },
  )
  return {
    method: 'GET',
    url: url.slice(`http://${HOST}`.length),
    headers: [['host', HOST]],
    bodyHash: undefined,
  }
}

/** What a request asks for, however it is spelled; undefined when it cannot be read. */
function meaning({ method, url, headers }: Wire): string | undefined {
  try {
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const pairs = (mark < 0 ? '' : url.slice(mark + 1))
      .split('&')
      .filter((it) => it !== '')
      .map((it) => {
        const [name = '', ...rest] = it.split('=')
        return [name, rest.join('=')].map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
      })
    const values = headers.map(([name, value]) => [
      name.toLowerCase(),
      value.trim().replace(/\s+/g, ' '),
    ])
    return JSON.stringify([
      method,
      path.split('/').map(decodeURIComponent),
      pairs.map((it) => JSON.stringify(it)).sort(),
      values,
    ])
  } catch {
    return undefined
  }
}

/** The request with one bit of one printable character turned. */
function flipped(wire: Wire, at: number, bit: number): Wire {
  const parts = [wire.method, wire.url, ...wire.headers.flat()]
  let index = at % parts.join('').length
  const changed = parts.map((part) => {
    const here = index
    index -= part.length
    if (here < 0 || here >= part.length) return part
    const code = part.charCodeAt(here) ^ (1 << bit)
    // A byte that HTTP does not let through never arrives.
    const arriving =
      code > 0x20 && code < 0x7f ? code : part.charCodeAt(here) === 0x30 ? 0x31 : 0x30
    return part.slice(0, here) + String.fromCharCode(arriving) + part.slice(here + 1)
  })
  const [method = '', url = '', ...headers] = changed
  return {
    ...wire,
    method,
    url,
    headers: wire.headers.map((_, it) => [headers[it * 2] ?? '', headers[it * 2 + 1] ?? '']),
  }
}

const where = { at: fc.nat(), bit: fc.nat(6) }

describe("the SDK's own signer and the verifier", () => {
  it('agree on any method, key, query and headers', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (it) => {
        expect(refusal(await signed(it), NOW)).toBeUndefined()
      }),
      { seed: SEED, numRuns: 400 },
    )
  })

  it('agree on any presigned URL', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...principals), text, headerValue, async (as, key, name) => {
        expect(refusal(await presigned(as, key, name), NOW)).toBeUndefined()
      }),
      { seed: SEED, numRuns: 150 },
    )
  })
})

describe('one flipped byte', () => {
  /** Whatever is accepted has to mean what was signed. */
  function judge(wire: Wire, at: number, bit: number): 'refused' | 'alike' {
    const forged = flipped(wire, at, bit)
    expect(forged).not.toEqual(wire)
    if (refusal(forged, NOW) !== undefined) return 'refused'
    expect(meaning(forged)).toBe(meaning(wire))
    return 'alike'
  }

  it('of a signed request is refused, unless it spells the same', async () => {
    const seen = { refused: 0, alike: 0 }
    await fc.assert(
      fc.asyncProperty(drawn, fc.array(fc.record(where), { minLength: 8 }), async (it, flips) => {
        const wire = await signed(it)
        for (const { at, bit } of flips) seen[judge(wire, at, bit)]++
      }),
      { seed: SEED, numRuns: 250 },
    )
    expect(seen.refused).toBeGreaterThan(1_000)
    expect(seen.refused).toBeGreaterThan(seen.alike * 10)
  })

  it('of a presigned URL is refused, unless it spells the same', async () => {
    const seen = { refused: 0, alike: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...principals),
        text,
        fc.array(fc.record(where), { minLength: 8 }),
        async (as, key, flips) => {
          const wire = await presigned(as, key, 'attachment')
          for (const { at, bit } of flips) seen[judge(wire, at, bit)]++
        },
      ),
      { seed: SEED, numRuns: 150 },
    )
    expect(seen.refused).toBeGreaterThan(1_000)
    expect(seen.refused).toBeGreaterThan(seen.alike * 10)
  })

  it('of a hashed body is refused', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.nat(63), async (it, at) => {
        const wire = await signed({ ...it, service: 'sqs', segments: [] })
        const { bodyHash = '' } = wire
        const digit = bodyHash[at] === '0' ? '1' : '0'
        const other = bodyHash.slice(0, at) + digit + bodyHash.slice(at + 1)
        expect(refusal({ ...wire, bodyHash: other }, NOW)).toBe('payload-mismatch')
      }),
      { seed: SEED, numRuns: 50 },
    )
  })
})
