import { createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppRequest } from '../../../infra/local/app-client.ts'
import type { IntentReply } from '../../../shared/contract/uploads.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import {
  announce,
  bearer,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { dumpTable, problemOf, removeItem, variable } from './attack.ts'

const LETTER = { name: 'letter.txt', content: Buffer.from('Dear owner'), type: 'text/plain' }
const HOUR_SECONDS = 3600
/** How long a warm function keeps a secret. */
const SECRET_KEPT_SECONDS = 300

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
})
afterAll(() => test.close())

function handOver(): Promise<IntentReply> {
  return announce(test.browser(), owner.portal.id, [LETTER])
}

function uploadIdOf(intent: IntentReply): string {
  const [upload] = intent.uploads
  if (upload === undefined) throw new Error('an intent without uploads')
  return upload.uploadId
}

/** Every call that needs the write capability, with the ids of one hand-over. */
function writeCalls(intent: IntentReply): [method: string, path: string, json?: unknown][] {
  const upload = `/api/upload/${uploadIdOf(intent)}`
  return [
    ['POST', `${upload}/parts`, { partNumbers: [1] }],
    ['GET', `${upload}/parts`],
    ['POST', `${upload}/complete`, {}],
    ['DELETE', upload],
    [
      'POST',
      `/api/submissions/${intent.submissionId}/complete`,
      { uploads: [{ uploadId: uploadIdOf(intent) }] },
    ],
    [
      'POST',
      '/api/upload',
      {
        portalId: owner.portal.id,
        submissionId: intent.submissionId,
        files: [{ fileName: 'more.txt', fileSize: 1, mimeType: '' }],
      },
    ],
  ]
}

/** Calls with a token that must not open them; nothing may change. Returns the statuses that came. */
async function tryAll(
  calls: [method: string, path: string, json?: unknown][],
  headers: Record<string, string>,
): Promise<number[]> {
  const before = await dumpTable(test)
  const statuses: number[] = []
  for (const [method, path, json] of calls) {
    const request: AppRequest = { headers, ...(json === undefined ? {} : { json }) }
    statuses.push((await test.browser().send(method, path, request)).status)
  }
  expect(await dumpTable(test)).toEqual(before)
  return statuses
}

function forge(
  token: string,
  change: (claims: Record<string, unknown>) => Record<string, unknown>,
  sign?: (body: string) => string,
): string {
  const [body = '', mac = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
  const forged = Buffer.from(JSON.stringify(change(claims))).toString('base64url')
  return `${forged}.${sign ? sign(forged) : mac}`
}

describe('security rule 6: capabilities', () => {
  it('an id alone opens nothing', async () => {
    const calls = writeCalls(await handOver())

    expect(await tryAll(calls, {})).toEqual(calls.map(() => 401))
  })

  it("an owner's session is no capability of a client", async () => {
    const calls = writeCalls(await handOver())
    const cookie = `portage_session=${owner.http.cookie('portage_session')}`

    expect(await tryAll(calls, { cookie })).toEqual(calls.map(() => 401))
  })

  it('to read does not let anybody write, and to write is refused elsewhere than in the header', async () => {
    const intent = await handOver()
    const calls = writeCalls(intent)

    expect(await tryAll(calls, bearer(intent.readToken))).toEqual(calls.map(() => 401))
    for (const parameter of ['token', 'uploadToken', 'authorization', 'access_token']) {
      const inQuery = calls.map(([method, path, json]): [string, string, unknown?] => [
        method,
        `${path}?${parameter}=${intent.uploadToken}`,
        json,
      ])
      expect(await tryAll(inQuery, {})).toEqual(calls.map(() => 401))
    }
    for (const headers of [
      { authorization: `Basic ${intent.uploadToken}` },
      { authorization: intent.uploadToken },
      { cookie: `uploadToken=${intent.uploadToken}` },
      { 'x-upload-token': intent.uploadToken },
    ] as Record<string, string>[]) {
      expect(await tryAll(calls, headers)).toEqual(calls.map(() => 401))
    }
  })

  it("of another hand-over finds nothing, also not the same portal's", async () => {
    const mine = await handOver()
    const others = await handOver()
    const calls = writeCalls(others)

    expect(await tryAll(calls, bearer(mine.uploadToken))).toEqual(calls.map(() => 404))
    const read = await test
      .browser()
      .send('GET', `/api/submissions/${others.submissionId}`, { headers: bearer(mine.readToken) })
    expect(read.status).toBe(404)
  })

  it('of one hand-over completes no file of another along with its own', async () => {
    const mine = await handOver()
    const others = await handOver()
    const before = await dumpTable(test)

    const response = await test
      .browser()
      .send('POST', `/api/submissions/${mine.submissionId}/complete`, {
        headers: bearer(mine.uploadToken),
        json: { uploads: [{ uploadId: uploadIdOf(mine) }, { uploadId: uploadIdOf(others) }] },
      })

    expect(response.status).toBe(404)
    expect(await dumpTable(test)).toEqual(before)
  })

  it('that was changed, or signed by somebody else, is refused', async () => {
    const intent = await handOver()
    const others = await handOver()
    const calls = writeCalls(intent).slice(0, 1)
    const token = intent.uploadToken
    const [body = '', mac = ''] = token.split('.')
    const hmac = (key: string | Buffer, audience: string) => (text: string) =>
      createHmac('sha256', key).update(`portage:${audience}:${text}`).digest('base64url')
    const same = (claims: Record<string, unknown>) => claims
    const readKeys = JSON.parse(
      test.cloud.secrets.getValue(variable(test, 'client-uploads', ENV.readKeySecret)) ?? '',
    ) as { k1: string }
    const forgeries = {
      'the key of the other purpose': forge(token, same, hmac(readKeys.k1, 'write')),
      'another hand-over': forge(others.uploadToken, (claims) => ({
        ...claims,
        submissionId: intent.submissionId,
      })),
      'a longer life': forge(token, (claims) => ({ ...claims, expiresAtMs: 9e15 })),
      'another audience': forge(intent.readToken, (claims) => ({ ...claims, audience: 'write' })),
      'an unknown key': forge(token, (claims) => ({ ...claims, keyId: 'k9' })),
      'a key named like a member': forge(token, (claims) => ({ ...claims, keyId: '__proto__' })),
      'the key that names the current one': forge(
        token,
        (claims) => ({ ...claims, keyId: 'currentKeyId' }),
        hmac('k1', 'write'),
      ),
      'a key of his own': forge(token, same, hmac(randomBytes(32), 'write')),
      'an empty key': forge(token, same, hmac('', 'write')),
      'one more claim': forge(token, (claims) => ({ ...claims, admin: true })),
      'no signature': `${body}.`,
      'no signature and no dot': body,
      'half a signature': `${body}.${mac.slice(0, 20)}`,
      'two signatures': `${body}.${mac}.${mac}`,
      'an empty token': '.',
      'a token of another kind': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.',
    }
    for (const [how, forged] of Object.entries(forgeries)) {
      expect(await tryAll(calls, bearer(forged)), how).toEqual([401])
    }
    // The call itself was right: with the token as it was given it succeeds.
    const [method, path, json] = calls[0] ?? ['', '']
    const response = await test.browser().send(method, path, { headers: bearer(token), json })
    expect(response.status).toBe(200)
  })

  it('is never shown to the owner, kept in the table or written to a log', async () => {
    const intent = await handOver()
    const text = JSON.stringify([...(await dumpTable(test)).values()]) + test.logs.join('\n')

    for (const token of [intent.uploadToken, intent.readToken]) expect(text).not.toContain(token)
  })

  it('ends with the hand-over and with the portal that it was given for', async () => {
    for (const type of ['submission', 'portal'] as const) {
      const { portal } = await test.owner({ portal: { slug: `gone-with-${type}` } })
      const intent = await announce(test.browser(), portal.id, [LETTER])
      const pk = `${type}#${type === 'portal' ? portal.id : intent.submissionId}`
      await removeItem(test, { pk, sk: type })

      const statuses = await tryAll(writeCalls(intent), bearer(intent.uploadToken))

      expect(new Set(statuses), type).toEqual(new Set([404]))
      const read = await test.browser().send('GET', `/api/submissions/${intent.submissionId}`, {
        headers: bearer(intent.readToken),
      })
      expect(read.status, type).toBe(404)
    }
  })
})

// These move the clock.
describe('security rules 6 and 16: the life of a capability and of its key', () => {
  beforeAll(async () => {
    // Days pass here within moments. A keeper's probe would last as long: it fails, and after some
    // that failed the account takes no more files.
    const keeper = test.cloud.mappings.get('portage-local-tend-account')
    expect(keeper).toBeDefined()
    await keeper?.close()
  })

  it('to write lasts 24 hours, to read longer', async () => {
    const intent = await handOver()
    const call = () =>
      test.browser().send('GET', `/api/upload/${uploadIdOf(intent)}/parts`, {
        headers: bearer(intent.uploadToken),
      })

    await test.cloud.advanceClock(24 * HOUR_SECONDS - 60)
    expect((await call()).status).toBe(200)
    await test.cloud.advanceClock(60)

    expect(await problemOf(await call())).toEqual({ status: 401, code: 'TOKEN_EXPIRED' })
    const read = await test
      .browser()
      .send('GET', `/api/submissions/${intent.submissionId}`, { headers: bearer(intent.readToken) })
    expect(read.status).toBe(200)
  })

  it('to write is renewed by adding files, but not beyond seven days', async () => {
    const intent = await handOver()
    const append = (token: string) =>
      test.browser().send('POST', '/api/upload', {
        headers: bearer(token),
        json: {
          portalId: owner.portal.id,
          submissionId: intent.submissionId,
          files: [{ fileName: 'more.txt', fileSize: 1, mimeType: '' }],
        },
      })
    let token = intent.uploadToken
    for (let step = 1; step <= 7; step += 1) {
      await test.cloud.advanceClock(24 * HOUR_SECONDS - 60)
      const reply = await append(token)
      expect(reply.status).toBe(201)
      token = ((await reply.json()) as IntentReply).uploadToken
    }
    await test.cloud.advanceClock(7 * 60 + 1)

    expect((await append(token)).status).toBe(401)
  })

  it('goes on under the old key while it is live, and ends when that is taken away', async () => {
    const secretId = variable(test, 'client-uploads', ENV.writeKeySecret)
    const { secrets } = test.cloud
    const keys = JSON.parse(secrets.getValue(secretId) ?? '') as Record<string, string>
    const before = await handOver()
    const rotated = { ...keys, currentKeyId: 'k2', k2: randomBytes(32).toString('hex') }
    const parts = async (intent: IntentReply) =>
      (
        await test.browser().send('GET', `/api/upload/${uploadIdOf(intent)}/parts`, {
          headers: bearer(intent.uploadToken),
        })
      ).status

    secrets.putValue(secretId, JSON.stringify(rotated))
    await test.cloud.advanceClock(SECRET_KEPT_SECONDS)
    const after = await handOver()
    expect(Buffer.from(after.uploadToken.split('.')[0] ?? '', 'base64url').toString()).toContain(
      '"keyId":"k2"',
    )
    expect([await parts(before), await parts(after)]).toEqual([200, 200])

    const { k1: _, ...withoutOld } = rotated as Record<string, string>
    secrets.putValue(secretId, JSON.stringify(withoutOld))
    await test.cloud.advanceClock(SECRET_KEPT_SECONDS)
    expect([await parts(before), await parts(after)]).toEqual([401, 200])
  })

  it('of one purpose is signed with a key that the other purpose does not have', () => {
    const { secrets } = test.cloud
    const values = [ENV.writeKeySecret, ENV.readKeySecret].map(
      (name) =>
        JSON.parse(secrets.getValue(variable(test, 'client-uploads', name)) ?? '') as Record<
          string,
          string
        >,
    )
    const keys = values.flatMap(({ currentKeyId: _, ...live }) => Object.values(live))

    expect(keys.every((key) => key.length >= 43)).toBe(true)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
