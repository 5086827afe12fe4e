/** A client's token opens its own hand-over alone, and an upload takes only what was announced; nothing else changes anything. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { ProblemCode } from '../../shared/contract/problems.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { complete, statuses, untilUploaded, withToken } from '../support/client-calls.ts'
import { announce, OWNER, type Owner, putPart, putParts } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import {
  type BadInputWorld,
  FILE,
  nothingChanges,
  planAt,
  startBadInputWorld,
} from './bad-input-world.ts'

const MIB = 1024 * 1024

let world: BadInputWorld
let owner: Owner
let pending: IntentReply
let foreign: IntentReply
let client: AppClient

beforeAll(async () => {
  world = await startBadInputWorld()
  owner = world.owner
  pending = world.pending
  foreign = world.foreign
  client = world.client
})
afterAll(() => world.test.close())

describe('tokens of a client', () => {
  nothingChanges(() => world)

  /** Every call that needs a client's token to change or tell something. */
  function calls(): { method: string; path: string; json?: unknown; notFound: ProblemCode }[] {
    const { uploadId } = planAt(pending, 1)
    const { submissionId } = pending
    const notFound = 'UPLOAD_NOT_FOUND'
    return [
      {
        method: 'POST',
        path: `/api/upload/${uploadId}/parts`,
        json: { partNumbers: [1] },
        notFound,
      },
      { method: 'GET', path: `/api/upload/${uploadId}/parts`, notFound },
      { method: 'POST', path: `/api/upload/${uploadId}/complete`, json: {}, notFound },
      { method: 'DELETE', path: `/api/upload/${uploadId}`, notFound },
      {
        method: 'POST',
        path: `/api/submissions/${submissionId}/complete`,
        json: { uploads: [{ uploadId }] },
        notFound,
      },
      {
        method: 'POST',
        path: '/api/upload',
        json: { portalId: owner.portal.id, submissionId, files: [FILE] },
        notFound: 'SUBMISSION_NOT_FOUND',
      },
      {
        method: 'GET',
        path: `/api/submissions/${submissionId}`,
        notFound: 'SUBMISSION_NOT_FOUND',
      },
    ]
  }

  async function expectOfAll(headers: Record<string, string>, code: ProblemCode): Promise<void> {
    for (const { method, path, json } of calls()) {
      const request = json === undefined ? { headers } : { headers, json }
      await expectProblem(await client.send(method, path, request), code)
    }
  }

  it('missing, or of another kind', async () => {
    await expectOfAll({}, 'TOKEN_REQUIRED')
    await expectOfAll({ authorization: `Basic ${pending.uploadToken}` }, 'TOKEN_REQUIRED')
  })

  it('malformed or forged', async () => {
    const [body = '', mac = ''] = pending.uploadToken.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const altered = Buffer.from(JSON.stringify({ ...claims, expiresAtMs: 9e15 })).toString(
      'base64url',
    )
    const readBody = pending.readToken.split('.')[0] ?? ''
    const lastFlipped = mac.startsWith('A') ? `B${mac.slice(1)}` : `A${mac.slice(1)}`
    for (const token of [
      'x',
      '.',
      body,
      `${body}.`,
      `${body}.${lastFlipped}`,
      `${altered}.${mac}`,
      `${readBody}.${mac}`,
      `${pending.uploadToken}.x`,
      'e30.e30',
    ]) {
      const { method, path, json } = calls()[2] ?? { method: '', path: '' }
      await expectProblem(await withToken(client, token, method, path, { json }), 'TOKEN_INVALID')
    }
    await expectOfAll({ authorization: `Bearer ${altered}.${mac}` }, 'TOKEN_INVALID')
  })

  it('that may only read', async () => {
    for (const { method, path, json } of calls().slice(0, -1)) {
      const request = json === undefined ? {} : { json }
      const reply = await withToken(client, pending.readToken, method, path, request)
      await expectProblem(reply, 'TOKEN_INVALID')
    }
  })

  it('of another hand-over', async () => {
    for (const { method, path, json, notFound } of calls()) {
      const request = json === undefined ? {} : { json }
      const reply = await withToken(client, foreign.uploadToken, method, path, request)
      await expectProblem(reply, notFound)
    }
  })
})

describe('the status of a hand-over', () => {
  it.each(['-1', '1.5', 'x', '999996', '999999', '1000000', '%00'])(
    'has no page %s',
    async (cursor) => {
      const path = `/api/submissions/${pending.submissionId}?cursor=${cursor}`

      await expectProblem(
        await withToken(client, pending.readToken, 'GET', path),
        'INVALID_REQUEST',
        ['cursor'],
      )
    },
  )
})

describe('an upload under way', () => {
  nothingChanges(() => world)
  const parts = (uploadId: string, partNumbers: unknown) =>
    withToken(client, pending.uploadToken, 'POST', `/api/upload/${uploadId}/parts`, {
      json: { partNumbers },
    })
  const completePending = (index: number, json?: unknown) =>
    complete(client, pending.uploadToken, planAt(pending, index).uploadId, json)

  it('has no part 0 and none beyond its last', async () => {
    const { uploadId, partCount } = planAt(pending, 1)
    for (const outside of [0, -1, partCount + 1, 10_001]) {
      await expectProblem(await parts(uploadId, [1, outside]), 'PART_OUT_OF_RANGE', [
        'partNumbers.1',
      ])
    }
    await expectProblem(await parts(planAt(pending, 0).uploadId, [2]), 'PART_OUT_OF_RANGE', [
      'partNumbers.0',
    ])
  })

  it('signs no list of parts that is none', async () => {
    const { uploadId } = planAt(pending, 1)
    const many = Array.from({ length: 101 }, () => 1)
    await expectProblem(await parts(uploadId, []), 'INVALID_REQUEST', ['partNumbers'])
    await expectProblem(await parts(uploadId, many), 'INVALID_REQUEST', ['partNumbers'])
    await expectProblem(await parts(uploadId, [1.5]), 'INVALID_REQUEST', ['partNumbers.0'])
    await expectProblem(await parts(uploadId, ['1']), 'INVALID_REQUEST', ['partNumbers.0'])
    await expectProblem(await parts(uploadId, undefined), 'INVALID_REQUEST', ['partNumbers'])
  })

  it('is not complete while S3 has nothing of it, whatever the client says', async () => {
    const invented = [1, 2, 3].map((partNumber) => ({ partNumber, etag: `"${'0'.repeat(32)}"` }))

    await expectProblem(await completePending(0), 'UPLOAD_INCOMPLETE')
    await expectProblem(await completePending(1), 'UPLOAD_INCOMPLETE')
    await expectProblem(await completePending(1, { parts: invented }), 'UPLOAD_INCOMPLETE')
    const [first, second] = invented
    for (const wrong of [[first], [first, second], [first, first, second]]) {
      await expectProblem(await completePending(1, { parts: wrong }), 'UPLOAD_INCOMPLETE')
    }
  })

  it('is not completed by a body that says something else', async () => {
    for (const [json, field] of [
      [{ contentHash: 'x' }, 'contentHash'],
      [{ contentHash: 'A'.repeat(64) }, 'contentHash'],
      [{ parts: [] }, 'parts'],
      [{ parts: [{ partNumber: 0, etag: 'x' }] }, 'parts.0.partNumber'],
      [{ status: 'uploaded' }, 'status'],
    ] as const) {
      await expectProblem(await completePending(0, json), 'INVALID_REQUEST', [field])
    }
  })

  it('is not completed together with a file of another hand-over', async () => {
    const json = {
      uploads: [planAt(pending, 0), planAt(foreign, 0)].map(({ uploadId }) => ({ uploadId })),
    }
    const path = `/api/submissions/${pending.submissionId}/complete`

    await expectProblem(
      await withToken(client, pending.uploadToken, 'POST', path, { json }),
      'UPLOAD_NOT_FOUND',
    )
  })
})

describe('a file that lacks a part', () => {
  it('is refused with and without a list, and complete once the part is there', async () => {
    const content = Buffer.alloc(17 * MIB, 'p')
    const intent = await announce(client, owner.portal.id, [{ name: 'lacking.bin', content }])
    const plan = planAt(intent, 0)
    const [first, second, third] = plan.partUrls
    if (!first || !second || !third) throw new Error('three parts were to be signed')
    const put = [
      { partNumber: 1, etag: await putPart(first, content.subarray(0, 8 * MIB)) },
      { partNumber: 2, etag: await putPart(second, content.subarray(8 * MIB, 16 * MIB)) },
    ]
    const uncompleted = (json: unknown) => complete(client, intent.uploadToken, plan.uploadId, json)

    await expectProblem(await uncompleted({}), 'UPLOAD_INCOMPLETE')
    await expectProblem(await uncompleted({ parts: put }), 'UPLOAD_INCOMPLETE')
    const claimed = { partNumber: 3, etag: put[0]?.etag ?? '' }
    await expectProblem(await uncompleted({ parts: [...put, claimed] }), 'UPLOAD_INCOMPLETE')
    expect(await statuses(client, intent)).toEqual(['pending'])

    await putPart(third, content.subarray(16 * MIB))
    expect((await uncompleted({})).status).toBe(202)
    await untilUploaded(client, intent)
  })
})

describe.each(PROVIDERS)('a file that is received, on its way to $name', ({ id: provider }) => {
  it('is received however often it is completed, and can no longer be taken back or added to', async () => {
    const content = Buffer.from('received')
    const { portal } = await world.test.owner({ provider })
    const intent = await announce(client, portal.id, [{ name: 'received.txt', content }])
    const { uploadId } = planAt(intent, 0)
    await putParts(client, intent.uploadToken, planAt(intent, 0), content)

    const replies = await Promise.all(
      [1, 2, 3].map(() => complete(client, intent.uploadToken, uploadId)),
    )
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202])
    await untilUploaded(client, intent)

    const token = intent.uploadToken
    const path = `/api/upload/${uploadId}`
    await expectProblem(await withToken(client, token, 'DELETE', path), 'UPLOAD_CLOSED')
    await expectProblem(await withToken(client, token, 'GET', `${path}/parts`), 'UPLOAD_CLOSED')
    const sign = { json: { partNumbers: [1] } }
    await expectProblem(
      await withToken(client, token, 'POST', `${path}/parts`, sign),
      'UPLOAD_CLOSED',
    )
    expect((await complete(client, token, uploadId)).status).toBe(202)
    expect(await statuses(client, intent)).toEqual(['uploaded'])
    expect(
      (await world.test.delivered(OWNER, provider)).filter(({ name }) => name === 'received.txt'),
    ).toHaveLength(1)
  })
})

describe('too much', () => {
  it('is signing one part more than twenty times', async () => {
    const intent = await announce(client, owner.portal.id, [
      { name: 'often.bin', content: Buffer.alloc(17 * MIB) },
    ])
    const { uploadId } = planAt(intent, 0)
    const sign = (partNumbers: number[]) =>
      withToken(client, intent.uploadToken, 'POST', `/api/upload/${uploadId}/parts`, {
        json: { partNumbers },
      })

    // The first of twenty came with the intent.
    for (let signing = 2; signing <= 20; signing++) expect((await sign([2])).status).toBe(200)

    await expectProblem(await sign([2]), 'TOO_MANY_SIGNINGS')
    expect((await sign([1, 3])).status).toBe(200)
  })
})

describe('a token that has expired', () => {
  it('opens nothing any more, while the read token still tells', async () => {
    const content = Buffer.from('kept')
    const intent = await announce(client, owner.portal.id, [{ name: 'kept.txt', content }])
    const { uploadId } = planAt(intent, 0)
    await putParts(client, intent.uploadToken, planAt(intent, 0), content)
    await complete(client, intent.uploadToken, uploadId)
    await untilUploaded(client, intent)

    await world.test.cloud.advanceClock(24 * 60 * 60 + 1)

    await expectProblem(await complete(client, intent.uploadToken, uploadId), 'TOKEN_EXPIRED')
    await expectProblem(
      await withToken(client, intent.uploadToken, 'DELETE', `/api/upload/${uploadId}`),
      'TOKEN_EXPIRED',
    )
    expect(await statuses(client, intent)).toEqual(['uploaded'])
    await world.test.cloud.advanceClock(29 * 24 * 60 * 60)
    await expectProblem(
      await withToken(client, intent.readToken, 'GET', `/api/submissions/${intent.submissionId}`),
      'TOKEN_EXPIRED',
    )
  })
})
