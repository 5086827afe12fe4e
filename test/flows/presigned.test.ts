/** A presigned URL is good for one body of one length at one key, for fifteen minutes, and once. */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { IntentReply, SignedPart, UploadPlan } from '../../shared/contract/uploads.ts'
import {
  complete,
  listParts,
  sha256,
  statuses,
  untilUploaded,
  withToken,
} from '../support/client-calls.ts'
import {
  announce,
  type ClientFile,
  type Owner,
  putPart,
  putParts,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const FIFTEEN_MINUTES_SECONDS = 15 * 60

let test: TestCloud
let owner: Owner
let client: AppClient
let s3: S3Client

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  client = test.browser()
  s3 = new S3Client({
    endpoint: test.cloud.urls.aws,
    region: test.cloud.operator.region,
    credentials: test.cloud.operator,
    forcePathStyle: true,
  })
})
afterAll(async () => {
  s3.destroy()
  await test.close()
})

interface Started {
  intent: IntentReply
  plan: UploadPlan
  /** The first part, or the whole of a small file. */
  part: SignedPart
  content: Buffer
}

async function start(file: ClientFile): Promise<Started> {
  const intent = await announce(client, owner.portal.id, [file])
  const [plan] = intent.uploads
  const [part] = plan?.partUrls ?? []
  if (!plan || !part) throw new Error('nothing was signed')
  return { intent, plan, part, content: file.content }
}

function put(
  url: string | URL,
  body: Uint8Array,
  headers: Record<string, string> = { 'if-none-match': '*' },
  method = 'PUT',
): Promise<Response> {
  const hasBody = method === 'PUT' || method === 'POST'
  return fetch(url, { method, headers, ...(hasBody ? { body: new Uint8Array(body) } : {}) })
}

/** Status and code of S3's refusal. */
async function refusal(response: Response): Promise<string> {
  const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1]
  return `${response.status} ${code}`
}

function changed(url: string, change: (url: URL) => void): URL {
  const copied = new URL(url)
  change(copied)
  return copied
}

/** Keys under `staging/` that have bytes. */
async function stagedKeys(part: SignedPart): Promise<string[]> {
  const [, bucket = ''] = new URL(part.url).pathname.split('/')
  const { Contents = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: 'staging/' }),
  )
  return Contents.map(({ Key = '' }) => Key)
}

function keyOf(part: SignedPart): string {
  return decodeURIComponent(new URL(part.url).pathname.split('/').slice(2).join('/'))
}

/** Nothing has come in: no bytes, no part, no other state. */
async function expectUntouched({ intent, plan, part }: Started): Promise<void> {
  expect((await listParts(client, intent.uploadToken, plan.uploadId)).parts).toEqual([])
  expect(await statuses(client, intent)).toEqual(['pending'])
  expect(await stagedKeys(part)).not.toContain(keyOf(part))
}

/** Sends and completes the real content; it arrives once and unchanged. */
async function expectArrives({ intent, plan, content }: Started): Promise<void> {
  await putParts(client, intent.uploadToken, plan, content)
  const reply = await complete(client, intent.uploadToken, plan.uploadId)
  expect(reply.status).toBe(202)
  await untilUploaded(client, intent)
  await expectArrivedOnce({ plan, content })
}

async function expectArrivedOnce({
  plan,
  content,
}: Pick<Started, 'plan' | 'content'>): Promise<void> {
  const stem = plan.fileName.split('.')[0] ?? ''
  const files = (await test.delivered()).filter(({ name }) => name.startsWith(stem))
  expect(files.map((file) => [file.name, file.size, file.sha256])).toEqual([
    [plan.fileName, content.length, sha256(content)],
  ])
}

const DENIED = '403 SignatureDoesNotMatch'

describe('the URL of a small file', () => {
  let file: Started
  let other: Started

  beforeAll(async () => {
    file = await start({ name: 'small.bin', content: randomBytes(1000) })
    other = await start({ name: 'neighbour.bin', content: randomBytes(1000) })
  })

  it('signs its length and that nothing is replaced', () => {
    const { searchParams } = new URL(file.part.url)
    expect(searchParams.get('X-Amz-SignedHeaders')?.split(';')).toEqual(
      expect.arrayContaining(['content-length', 'host', 'if-none-match']),
    )
    expect(Number(searchParams.get('X-Amz-Expires'))).toBeLessThanOrEqual(FIFTEEN_MINUTES_SECONDS)
  })

  it('takes no other key', async () => {
    const elsewhere = [
      keyOf(other.part),
      `${keyOf(file.part)}x`,
      keyOf(file.part).replace('/scan/', '/safe/'),
      'downloads/x',
    ]
    for (const key of elsewhere) {
      const url = changed(file.part.url, (target) => {
        target.pathname = `/${target.pathname.split('/')[1]}/${key}`
      })
      expect(await refusal(await put(url, file.content))).toBe(DENIED)
    }
    await expectUntouched(other)
    expect((await stagedKeys(file.part)).filter((key) => !key.startsWith('staging/'))).toEqual([])
  })

  it.each([
    ['one byte longer', 1001],
    ['one byte shorter', 999],
    ['empty', 0],
    ['a megabyte', MIB],
  ])('takes no body that is %s', async (_what, length) => {
    expect(await refusal(await put(file.part.url, Buffer.alloc(length)))).toBe(DENIED)
  })

  it('keeps nothing of a body that breaks off', async () => {
    await brokenPut(file.part, file.content.subarray(0, 500), file.content.length)
  })

  it('takes no body without a length', async () => {
    const stream = new Blob([new Uint8Array(file.content)]).stream()
    const response = await fetch(file.part.url, {
      method: 'PUT',
      headers: file.part.headers,
      body: stream,
      duplex: 'half',
    })
    expect(response.status).toBeGreaterThanOrEqual(400)
    await response.body?.cancel()
  })

  it('needs the header that it signs', async () => {
    expect(await refusal(await put(file.part.url, file.content, {}))).toBe(DENIED)
    const other = { 'if-none-match': '"0"' }
    expect(await refusal(await put(file.part.url, file.content, other))).toBe(DENIED)
  })

  it.each(['GET', 'HEAD', 'DELETE', 'POST'])('is for no %s', async (method) => {
    const response = await put(file.part.url, file.content, { 'if-none-match': '*' }, method)
    expect(response.status).toBe(403)
    await response.body?.cancel()
  })

  it.each<[what: string, change: (url: URL) => void]>([
    ['signature', (url) => flip(url, 'X-Amz-Signature')],
    ['time', (url) => flip(url, 'X-Amz-Date', -2)],
    ['expiry', (url) => url.searchParams.set('X-Amz-Expires', '604800')],
    ['list of headers', (url) => url.searchParams.set('X-Amz-SignedHeaders', 'host')],
    ['operation', (url) => url.searchParams.set('acl', '')],
    ['copy source', (url) => url.searchParams.set('x-amz-copy-source', '/a/b')],
  ])('is for no other %s', async (_what, change) => {
    const response = await put(changed(file.part.url, change), file.content)
    expect(response.status).toBe(403)
    await response.body?.cancel()
  })

  it('needs a signature at all', async () => {
    const bare = changed(file.part.url, (url) => {
      url.search = ''
    })
    expect((await put(bare, file.content)).status).toBe(403)
  })

  it('has let nothing in, and still brings its own file', async () => {
    await expectUntouched(file)
    await expectArrives(file)
  })

  it('does not replace a file that is there, and what was received arrives', async () => {
    const first = await start({ name: 'first-wins.bin', content: randomBytes(2 * MIB) })
    // Both at once: one of them is the file, and only one.
    const replies = await Promise.all([
      put(first.part.url, first.content),
      put(first.part.url, first.content),
    ])
    const again = await put(first.part.url, randomBytes(2 * MIB))

    expect(replies.filter(({ ok }) => ok)).toHaveLength(1)
    // Delivered meanwhile, the object may be gone; then the bytes are taken and thrown away.
    expect([200, 409, 412]).toContain(again.status)
    await untilUploaded(client, first.intent)
    await expectArrivedOnce(first)
  })

  it('brings nothing once its file is delivered', async () => {
    const response = await put(file.part.url, randomBytes(1000))
    await response.body?.cancel()

    await untilSettled(file)
    expect(await statuses(client, file.intent)).toEqual(['uploaded'])
    await expectArrivedOnce(file)
  })

  it('brings nothing once the client has cancelled', async () => {
    const { intent, plan, part } = other
    const path = `/api/upload/${plan.uploadId}`
    expect((await withToken(client, intent.uploadToken, 'DELETE', path)).status).toBe(204)

    await (await put(part.url, other.content)).body?.cancel()

    await untilSettled(other)
    expect(await statuses(client, intent)).toEqual(['deleted'])
    expect((await test.delivered()).map(({ name }) => name)).not.toContain('neighbour.bin')
  })
})

describe('the URL of a part', () => {
  let file: Started
  let other: Started
  const part = (index: number): Buffer =>
    file.content.subarray(index * file.plan.partSize, (index + 1) * file.plan.partSize)

  beforeAll(async () => {
    const content = randomBytes(17 * MIB)
    file = await start({ name: 'parts.bin', content })
    other = await start({ name: 'parts of another.bin', content })
  })

  it.each<[what: string, change: (url: URL) => void]>([
    ['part', (url) => url.searchParams.set('partNumber', '2')],
    ['upload', (url) => copy(url, other.part.url, 'uploadId')],
    [
      'key',
      (url) => {
        url.pathname = new URL(other.part.url).pathname
      },
    ],
    ['signature', (url) => flip(url, 'X-Amz-Signature')],
    ['kind of write', (url) => url.searchParams.delete('partNumber')],
  ])('is for no other %s', async (_what, change) => {
    expect(await refusal(await put(changed(file.part.url, change), part(0), {}))).toBe(DENIED)
  })

  it('takes no longer and no shorter part', async () => {
    for (const length of [8 * MIB - 1, 8 * MIB + 1, 0]) {
      const body = file.content.subarray(0, length)
      expect(await refusal(await put(file.part.url, body, {}))).toBe(DENIED)
    }
  })

  it.each(['GET', 'HEAD', 'DELETE', 'POST'])('is for no %s', async (method) => {
    const response = await put(file.part.url, part(2), {}, method)
    expect(response.status).toBe(403)
    await response.body?.cancel()
  })

  it('has let nothing in', async () => {
    await expectUntouched(file)
    await expectUntouched(other)
  })

  it('ends after fifteen minutes; signed anew, the part goes on and the file arrives', async () => {
    await putPart(file.part, part(0))
    const second = file.plan.partUrls[1]
    if (!second) throw new Error('part 2 was not signed')

    await test.cloud.advanceClock(FIFTEEN_MINUTES_SECONDS + 60)

    expect(await refusal(await put(second.url, part(1), {}))).toBe('403 AccessDenied')
    const { parts } = await listParts(client, file.intent.uploadToken, file.plan.uploadId)
    expect(parts.map(({ partNumber }) => partNumber)).toEqual([1])

    // Parts that S3 has keep the reservation; everything is signed anew.
    await expectArrives({ ...file, plan: { ...file.plan, partUrls: [] } })
  })

  it('brings nothing once the file is received', async () => {
    const again = await start({ name: 'again.bin', content: file.content })
    await expectArrives(again)

    expect(await refusal(await put(again.part.url, randomBytes(8 * MIB), {}))).toBe(
      '404 NoSuchUpload',
    )
    expect(await statuses(client, again.intent)).toEqual(['uploaded'])
    await expectArrivedOnce(again)
  })
})

describe('an expired URL of a small file', () => {
  it('is refused, and its file is given up as never arrived', async () => {
    const late = await start({ name: 'late.bin', content: Buffer.from('late') })

    await test.cloud.advanceClock(FIFTEEN_MINUTES_SECONDS + 60)

    expect(await refusal(await put(late.part.url, late.content))).toBe('403 AccessDenied')
    await until(async () => (await statuses(client, late.intent))[0] === 'expired')
    expect(await stagedKeys(late.part)).not.toContain(keyOf(late.part))
  })
})

it('at the end nothing is left in the bucket', async () => {
  const { part } = await start({ name: 'last.bin', content: Buffer.from('last') })
  const [, bucket = ''] = new URL(part.url).pathname.split('/')
  await until(async () => (await stagedKeys(part)).length === 0)
  await until(async () => {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return Uploads.length === 0
  })
})

/** Announces `length` bytes, sends fewer and hangs up. */
function brokenPut(part: SignedPart, bytes: Buffer, length: number): Promise<void> {
  return new Promise((resolve) => {
    const call = request(part.url, {
      method: 'PUT',
      headers: { ...part.headers, 'content-length': length },
    })
    call.on('error', () => resolve())
    call.on('close', () => resolve())
    call.write(bytes, () => call.destroy())
  })
}

/** Waits until intake has dealt with what came late. */
async function untilSettled({ part }: Started): Promise<void> {
  await until(async () => !(await stagedKeys(part)).includes(keyOf(part)))
}

/** Changes one digit of a parameter. */
function flip(url: URL, parameter: string, at = 0): void {
  const characters = [...(url.searchParams.get(parameter) ?? '')]
  const index = at < 0 ? characters.length + at : at
  characters[index] = characters[index] === '0' ? '1' : '0'
  url.searchParams.set(parameter, characters.join(''))
}

function copy(url: URL, from: string, parameter: string): void {
  url.searchParams.set(parameter, new URL(from).searchParams.get(parameter) ?? '')
}
