import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { IntentReply, SignedPart } from '../../shared/contract/uploads.ts'
import {
  announce,
  bearer,
  handOver,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'

const CONTENT = Buffer.from('Dear owner, this is all.')
const LETTER = { name: 'letter.txt', content: CONTENT, type: 'text/plain' }

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
})
afterAll(() => test.close())

async function put(url: string, headers: Record<string, string>, body: Buffer): Promise<number> {
  const response = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(body) })
  await response.body?.cancel()
  return response.status
}

function firstPart({ uploads }: IntentReply): SignedPart {
  const part = uploads[0]?.partUrls[0]
  if (part === undefined) throw new Error('no part was signed')
  return part
}

async function statusOf(intent: IntentReply): Promise<string | undefined> {
  const { uploads } = await test
    .browser()
    .call<{ uploads: { status: string }[] }>('GET', `/api/submissions/${intent.submissionId}`, {
      headers: bearer(intent.readToken),
    })
  return uploads[0]?.status
}

describe('a presigned URL', () => {
  let intent: IntentReply
  let part: SignedPart

  beforeEach(async () => {
    intent = await announce(test.browser(), owner.portal.id, [LETTER])
    part = firstPart(intent)
  })

  it.each([
    ['another key', (url: string) => url.replace(/upl_\w+/, 'upl_000000000000'), CONTENT],
    ['another signature', (url: string) => url.replace(/(Signature=)../, '$1ff'), CONTENT],
    ['another time', (url: string) => url.replace(/(X-Amz-Expires=)\d+/, '$199999'), CONTENT],
    ['a longer body', (url: string) => url, Buffer.concat([CONTENT, CONTENT])],
    ['a shorter body', (url: string) => url, CONTENT.subarray(1)],
  ])('is refused with %s', async (_name, change, body) => {
    expect(await put(change(part.url), part.headers, body)).toBe(403)
    expect(await statusOf(intent)).toBe('pending')
  })

  it('is refused without the header that protects what is there', async () => {
    expect(await put(part.url, {}, CONTENT)).toBe(403)
  })

  it('is refused a second time, while the file lies there and after it was delivered', async () => {
    expect(await put(part.url, part.headers, CONTENT)).toBe(200)
    const changed = Buffer.from('Dear owner, this is bad.')
    expect(changed).toHaveLength(CONTENT.length)

    expect(await put(part.url, part.headers, changed)).toBe(412)

    await until(async () => (await statusOf(intent)) === 'uploaded')
    const before = await test.delivered()
    // The staged object is gone, so S3 takes the bytes; they belong to nothing and are removed.
    await put(part.url, part.headers, changed)
    const stagingBucket = test.cloud.provisioned.ofType('AWS::S3::Bucket')[0]?.ref ?? ''
    const key = new URL(part.url).pathname.split('/').slice(2).join('/')
    await until(() => test.cloud.s3.readObject(stagingBucket, key) === undefined)
    expect(await statusOf(intent)).toBe('uploaded')
    expect(await test.delivered()).toEqual(before)
  })
})

it('a presigned URL ends after 15 minutes', async () => {
  const part = firstPart(await announce(test.browser(), owner.portal.id, [LETTER]))

  await test.cloud.advanceClock(15 * 60 + 1)

  expect(await put(part.url, part.headers, CONTENT)).toBe(403)
  const fresh = await handOver(test.browser(), owner.portal.id, [LETTER])
  await until(async () => (await statusOf(fresh.intent)) === 'uploaded')
})
