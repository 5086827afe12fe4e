import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  clientConfig,
  makePrincipal,
  type RecordingEngine,
  recordingJson,
  recordingS3,
  startGateway,
} from './harness.ts'

const principal = makePrincipal()
const other = makePrincipal({
  accessKeyId: 'AKIDOTHER',
  secretAccessKey: 'other-secret',
  arn: 'arn:aws:iam::111122223333:role/other',
})
const temporary = makePrincipal({
  accessKeyId: 'ASIATEMPORARY',
  secretAccessKey: 'temporary-secret',
  sessionToken: 'temporary/token+1==',
})

let s3: RecordingEngine
let sqs: RecordingEngine
let dynamodb: RecordingEngine
let local: Awaited<ReturnType<typeof startGateway>>

beforeAll(async () => {
  s3 = recordingS3()
  sqs = recordingJson('sqs', 'arn:aws:sqs:us-east-1:111122223333:intake')
  dynamodb = recordingJson('dynamodb', '*')
  local = await startGateway({ s3, sqs, dynamodb }, [principal, other, temporary])
})
afterAll(() => local.gateway.close())
afterEach(() => {
  local.clock.offsetMs = 0
  for (const engine of [s3, sqs, dynamodb]) engine.seen.length = 0
})

function s3Client(as = principal): S3Client {
  return new S3Client({
    ...clientConfig(local.endpoint, as),
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}

interface WireRequest {
  method: string
  path: string
  headers: Record<string, string>
  body?: string | Buffer
}

/** The clients' own types differ by their commands only. */
type AnyClient = Pick<S3Client, 'middlewareStack' | 'send'>

/** A request as a real client signs it, caught before it is sent. */
async function signed(client: AnyClient, command: unknown): Promise<WireRequest> {
  let caught: WireRequest | undefined
  client.middlewareStack.add(
    () => async (args) => {
      const { method, path, query, headers, body } = args.request as {
        method: string
        path: string
        query: Record<string, string>
        headers: Record<string, string>
        body?: string
      }
      const pairs = Object.entries(query).map(
        ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
      )
      caught = {
        method,
        path: pairs.length > 0 ? `${path}?${pairs.join('&')}` : path,
        headers,
        ...(body !== undefined && { body }),
      }
      throw new Error('caught')
    },
    { step: 'deserialize', priority: 'low' },
  )
  const send = client.send.bind(client) as (command: unknown) => Promise<unknown>
  await expect(send(command)).rejects.toThrow('caught')
  if (!caught) throw new Error('nothing was signed')
  return caught
}

/** Sends exactly these bytes: no client rewrites path, query or headers. */
function send(wire: WireRequest): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: local.port,
        method: wire.method,
        path: wire.path,
        headers: { host: `127.0.0.1:${local.port}`, ...wire.headers },
      },
      (incoming) => {
        let body = ''
        incoming.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, body }))
      },
    )
    outgoing.once('error', reject)
    outgoing.end(wire.body)
  })
}

function wireOf(url: string, method = 'GET', body?: string): WireRequest {
  const { pathname, search } = new URL(url)
  return { method, path: pathname + search, headers: {}, ...(body !== undefined && { body }) }
}

function codeOf(body: string): string | undefined {
  return /<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? /"__type":"(\w+)"/.exec(body)?.[1]
}

describe('header signatures of real clients', () => {
  it.each(['plain.txt', 'Résumé – "ünïcode" (1).pdf', "a+b c*d!e'f(g)~h/%41/ü&=?#;:@$,", 'a//b/'])(
    'holds for the key %s',
    async (key) => {
      await s3Client().send(new PutObjectCommand({ Bucket: 'staging', Key: key, Body: 'bytes' }))

      expect(s3.seen).toHaveLength(1)
      expect(s3.seen[0]).toMatchObject({
        principalArn: principal.arn,
        path: `/staging/${key}`,
        presigned: false,
        bodySha256: createHash('sha256').update('bytes').digest('hex'),
      })
    },
  )

  it('holds for query parameters with and without values', async () => {
    await s3Client().send(
      new ListObjectsV2Command({ Bucket: 'staging', Prefix: 'a b+c/ü', Delimiter: '/' }),
    )
    await s3Client().send(new CreateMultipartUploadCommand({ Bucket: 'staging', Key: 'k' }))

    expect(s3.seen).toHaveLength(2)
  })

  it('holds for headers with repeated spaces', async () => {
    await s3Client().send(
      new PutObjectCommand({
        Bucket: 'staging',
        Key: 'k',
        Body: 'x',
        Metadata: { note: 'two  spaces' },
      }),
    )

    expect(s3.seen).toHaveLength(1)
  })

  it('holds for JSON services and hands the engine the parsed body', async () => {
    const client = new SQSClient({ ...clientConfig(local.endpoint, principal), md5: false })
    await client.send(
      new SendMessageCommand({ QueueUrl: `${local.endpoint}/q`, MessageBody: 'über' }),
    )

    expect(sqs.seen).toMatchObject([
      { service: 'sqs', operation: 'SendMessage', input: { MessageBody: 'über' } },
    ])
  })

  it('holds for temporary credentials with their token only', async () => {
    const command = () => new PutObjectCommand({ Bucket: 'staging', Key: 'k', Body: 'x' })
    await s3Client(temporary).send(command())
    expect(s3.seen).toHaveLength(1)

    for (const sessionToken of [undefined, 'another']) {
      const { sessionToken: _, ...bare } = temporary
      const as = sessionToken === undefined ? bare : { ...bare, sessionToken }
      await expect(s3Client(as).send(command())).rejects.toMatchObject({ name: 'InvalidToken' })
    }
    await expect(
      s3Client({ ...principal, sessionToken: 'unasked' }).send(command()),
    ).rejects.toMatchObject({ name: 'InvalidToken' })
  })
})

describe('header signatures that do not hold', () => {
  const put = () =>
    signed(s3Client(), new PutObjectCommand({ Bucket: 'staging', Key: 'key', Body: 'x' }))

  it('accepts the caught request unaltered', async () => {
    expect(await send(await put())).toMatchObject({ status: 200 })
  })

  it.each<[what: string, alter: (wire: WireRequest) => WireRequest, code: string]>([
    ['another method', (it) => ({ ...it, method: 'POST' }), 'SignatureDoesNotMatch'],
    [
      'another path',
      (it) => ({ ...it, path: it.path.replace('/key', '/yek') }),
      'SignatureDoesNotMatch',
    ],
    [
      'another query value',
      (it) => ({ ...it, path: it.path.replace('PutObject', 'GetObject') }),
      'SignatureDoesNotMatch',
    ],
    ['one more parameter', (it) => ({ ...it, path: `${it.path}&acl` }), 'SignatureDoesNotMatch'],
    [
      'an altered signed header',
      (it) => ({ ...it, headers: { ...it.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }),
      'SignatureDoesNotMatch',
    ],
    [
      'an unsigned x-amz header',
      (it) => ({ ...it, headers: { ...it.headers, 'x-amz-acl': 'public-read' } }),
      'AccessDenied',
    ],
    [
      'a signed header that is missing',
      (it) => {
        const { 'x-amz-content-sha256': _, ...headers } = it.headers
        return { ...it, headers }
      },
      'InvalidRequest',
    ],
    [
      'host left out of the signed headers',
      (it) => ({ ...it, headers: replaceAuthorization(it, 'host;', '') }),
      'AccessDenied',
    ],
    [
      'the day of another scope',
      (it) => ({ ...it, headers: replaceAuthorization(it, /\/\d{8}\//, '/20200101/') }),
      'AuthorizationHeaderMalformed',
    ],
    [
      'another region',
      (it) => ({ ...it, headers: replaceAuthorization(it, 'us-east-1', 'eu-west-1') }),
      'AuthorizationHeaderMalformed',
    ],
    [
      'an access key that nobody has',
      (it) => ({ ...it, headers: replaceAuthorization(it, 'AKIDUPLOADER', 'AKIDNOBODY') }),
      'InvalidAccessKeyId',
    ],
    [
      'the access key of another principal',
      (it) => ({ ...it, headers: replaceAuthorization(it, 'AKIDUPLOADER', 'AKIDOTHER') }),
      'SignatureDoesNotMatch',
    ],
    [
      'a signature in the query as well',
      (it) => ({ ...it, path: `${it.path}&X-Amz-Signature=00` }),
      'InvalidArgument',
    ],
    [
      'no signature at all',
      (it) => {
        const { authorization: _, ...headers } = it.headers
        return { ...it, headers }
      },
      'AccessDenied',
    ],
    [
      'a path with a segment more, also one that a URL parser would fold',
      (it) => ({ ...it, path: it.path.replace('/key', '/./key') }),
      'SignatureDoesNotMatch',
    ],
    ['a broken escape', (it) => ({ ...it, path: it.path.replace('/key', '/%zz') }), 'InvalidURI'],
  ])('refuses %s', async (_what, alter, code) => {
    const reply = await send(alter(await put()))

    expect(codeOf(reply.body)).toBe(code)
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(s3.seen).toEqual([])
  })

  it('refuses an unsigned content-type of a header signature', async () => {
    const wire = await signed(s3Client(), new GetObjectCommand({ Bucket: 'staging', Key: 'key' }))
    expect(await send(wire)).toMatchObject({ status: 200 })

    const reply = await send({ ...wire, headers: { ...wire.headers, 'content-type': 'text/html' } })

    expect(codeOf(reply.body)).toBe('AccessDenied')
    expect(reply.body).toContain('<HeadersNotSigned>content-type</HeadersNotSigned>')
  })

  it('refuses another secret', async () => {
    const client = s3Client({ ...principal, secretAccessKey: 'guessed' })

    await expect(
      client.send(new GetObjectCommand({ Bucket: 'staging', Key: 'k' })),
    ).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      $metadata: { httpStatusCode: 403 },
    })
  })

  it.each([
    [15 * 60_000 - 5_000, undefined],
    [-15 * 60_000 + 5_000, undefined],
    [15 * 60_000 + 5_000, 'RequestTimeTooSkewed'],
    [-15 * 60_000 - 5_000, 'RequestTimeTooSkewed'],
  ])('judges a clock that is %i ms ahead: %s', async (offsetMs, code) => {
    const wire = await put()
    local.clock.offsetMs = offsetMs

    expect(codeOf((await send(wire)).body)).toBe(code)
  })

  it('refuses a JSON body that differs from the signed one', async () => {
    const client = new SQSClient(clientConfig(local.endpoint, principal))
    const wire = await signed(
      client as unknown as AnyClient,
      new SendMessageCommand({ QueueUrl: `${local.endpoint}/q`, MessageBody: 'one' }),
    )
    expect(await send(wire)).toMatchObject({ status: 200 })

    const forged = {
      ...wire,
      body: new TextDecoder().decode(wire.body as Buffer).replace('one', 'two'),
    }
    const reply = await send(forged)

    expect(reply.status).toBe(400)
    expect(codeOf(reply.body)).toBe('InvalidSignatureException')
    expect(sqs.seen).toHaveLength(1)
  })

  it('refuses an unsigned payload for JSON services', async () => {
    const client = new SQSClient(clientConfig(local.endpoint, principal))
    client.middlewareStack.add(
      (next) => async (args) => {
        const { headers } = args.request as { headers: Record<string, string> }
        headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
        return await next(args)
      },
      { step: 'build' },
    )

    await expect(
      client.send(new SendMessageCommand({ QueueUrl: `${local.endpoint}/q`, MessageBody: 'x' })),
    ).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    expect(sqs.seen).toEqual([])
  })

  it('lets a client follow a moved clock by the Date of the refusal', async () => {
    local.clock.offsetMs = 3 * 3_600_000
    const client = new DynamoDBClient({
      ...clientConfig(local.endpoint, principal),
      maxAttempts: 3,
    })

    await client.send(new ListTablesCommand({}))

    expect(dynamodb.seen).toHaveLength(1)
  })
})

function replaceAuthorization(
  wire: WireRequest,
  search: string | RegExp,
  replacement: string,
): Record<string, string> {
  const authorization = wire.headers['authorization'] ?? ''
  const replaced = authorization.replace(search, replacement)
  expect(replaced).not.toBe(authorization)
  return { ...wire.headers, authorization: replaced }
}

describe('presigned URLs', () => {
  const presign = (over: { expiresIn?: number; as?: typeof principal } = {}) =>
    getSignedUrl(
      s3Client(over.as),
      new PutObjectCommand({
        Bucket: 'staging',
        Key: 'staging/safe/ü (1).png',
        ContentLength: 5,
        IfNoneMatch: '*',
      }),
      {
        expiresIn: over.expiresIn ?? 900,
        signableHeaders: new Set(['content-length', 'if-none-match', 'host']),
        unhoistableHeaders: new Set(['if-none-match']),
      },
    )
  const upload = (url: string): WireRequest => ({
    ...wireOf(url, 'PUT', '12345'),
    headers: { 'content-length': '5', 'if-none-match': '*' },
  })

  it('holds as often as it is used, also with an unsigned content-type', async () => {
    const wire = upload(await presign())

    expect(await send(wire)).toMatchObject({ status: 200 })
    expect(
      await send({ ...wire, headers: { ...wire.headers, 'content-type': 'image/png' } }),
    ).toMatchObject({ status: 200 })
    expect(s3.seen).toHaveLength(2)
    expect(s3.seen[0]).toMatchObject({ presigned: true, payloadHash: 'UNSIGNED-PAYLOAD' })
  })

  it('carries the token of temporary credentials', async () => {
    const url = await presign({ as: temporary })
    expect(await send(upload(url))).toMatchObject({ status: 200 })

    const without = url.replace(/X-Amz-Security-Token=[^&]*&/, '')
    expect(without).not.toBe(url)
    expect(codeOf((await send(upload(without))).body)).toBe('InvalidToken')
  })

  it.each<[what: string, alter: (wire: WireRequest) => WireRequest, code: string]>([
    ['another key', (it) => alterPath(it, '%20%281%29', '%20%282%29'), 'SignatureDoesNotMatch'],
    ['another bucket', (it) => alterPath(it, '/staging/', '/gnigats/'), 'SignatureDoesNotMatch'],
    ['another method', (it) => ({ ...it, method: 'GET' }), 'SignatureDoesNotMatch'],
    [
      'a longer body',
      (it) => ({ ...it, body: '123456', headers: { ...it.headers, 'content-length': '6' } }),
      'SignatureDoesNotMatch',
    ],
    [
      'a shorter body',
      (it) => ({ ...it, body: '1234', headers: { ...it.headers, 'content-length': '4' } }),
      'SignatureDoesNotMatch',
    ],
    [
      'a signed header left out',
      (it) => ({ ...it, headers: { 'content-length': '5' } }),
      'SignatureDoesNotMatch',
    ],
    [
      'a signed header altered',
      (it) => ({ ...it, headers: { ...it.headers, 'if-none-match': '"etag"' } }),
      'SignatureDoesNotMatch',
    ],
    [
      'an x-amz header that was not signed',
      (it) => ({ ...it, headers: { ...it.headers, 'x-amz-acl': 'public-read' } }),
      'AccessDenied',
    ],
    [
      'a longer life than was signed',
      (it) => alterPath(it, 'X-Amz-Expires=900', 'X-Amz-Expires=9000'),
      'SignatureDoesNotMatch',
    ],
    [
      'a life of more than seven days',
      (it) => alterPath(it, 'X-Amz-Expires=900', 'X-Amz-Expires=604801'),
      'AuthorizationQueryParametersError',
    ],
    [
      'a parameter given twice',
      (it) => ({ ...it, path: `${it.path}&X-Amz-Expires=900` }),
      'AuthorizationQueryParametersError',
    ],
    [
      'another algorithm',
      (it) => alterPath(it, 'AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'),
      'AuthorizationQueryParametersError',
    ],
    [
      'the access key of another principal',
      (it) => alterPath(it, 'AKIDUPLOADER', 'AKIDOTHER'),
      'SignatureDoesNotMatch',
    ],
    [
      'one more parameter',
      (it) => ({ ...it, path: `${it.path}&response-content-type=text%2Fhtml` }),
      'SignatureDoesNotMatch',
    ],
  ])('refuses %s', async (_what, alter, code) => {
    const reply = await send(alter(upload(await presign())))

    expect(codeOf(reply.body)).toBe(code)
    expect(s3.seen).toEqual([])
  })

  it('holds to the last second of its life and not after', async () => {
    const wire = upload(await presign({ expiresIn: 60 }))

    local.clock.offsetMs = 55_000
    expect(await send(wire)).toMatchObject({ status: 200 })
    local.clock.offsetMs = 62_000
    const expired = await send(wire)

    expect(expired.status).toBe(403)
    expect(expired.body).toContain('Request has expired')
    expect(s3.seen).toHaveLength(1)
  })

  it('refuses a URL from the future', async () => {
    const wire = upload(await presign())
    local.clock.offsetMs = -16 * 60_000

    expect((await send(wire)).body).toContain('Request is not yet valid')
  })
})

function alterPath(wire: WireRequest, search: string, replacement: string): WireRequest {
  expect(wire.path).toContain(search)
  return { ...wire, path: wire.path.replace(search, replacement) }
}
