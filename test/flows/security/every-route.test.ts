/**
 * Every route of the contract that needs an owner or a token, tried by everybody who may not: nothing
 * of it is answered, and every record stays as it was, byte by byte (security rules 1, 4, 6 and 15).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pathOf, type RouteContract } from '../../../shared/contract/route.ts'
import { CONTRACT_ROWS, type ContractKey } from '../../../shared/contract/routes.ts'
import type { IntentReply } from '../../../shared/contract/uploads.ts'
import {
  fieldsOf,
  type JsonSchema,
  jsonSchemaOf,
  withValue,
} from '../../support/contract-fields.ts'
import { problemByContract } from '../../support/contract-reply.ts'
import { pass } from '../../support/keepers.ts'
import { bearer } from '../../support/local-cloud.ts'
import { dumpTable } from './attack.ts'
import {
  type ContractRequest,
  type ContractWorld,
  type Person,
  requestOf,
  sendAs,
  sendBy,
  startContractWorld,
} from './contract-world.ts'

type Row = [ContractKey, RouteContract]

/** More than any session or token lives. */
const FORTY_DAYS_SECONDS = 40 * 86_400

const ownerRows = rowsWith(({ caller }) => caller === 'owner')
const tokenRows = rowsWith(({ caller }) => caller === 'write' || caller === 'read')
const guardedRows = [...ownerRows, ...tokenRows]
/** A GET changes nothing for a page of another site to misuse; what it would, refuses by `Sec-Fetch-Site`. */
const changes = ([key]: Row) => !key.startsWith('GET ')

let world: ContractWorld

beforeAll(async () => {
  world = await startContractWorld()
})
afterAll(() => world.close())

function rowsWith(has: (row: RouteContract) => boolean): Row[] {
  return CONTRACT_ROWS.filter(([, row]) => has(row))
}

/** Fields of bodies or queries that name a record, each with its route. */
function rowsWithIds(part: 'body' | 'query', rows: Row[]): [ContractKey, string][] {
  return rows.flatMap(([key, { body, query }]) => {
    const schema = part === 'body' ? body?.schema : query
    if (!schema) return []
    const named = fieldsOf(jsonSchemaOf(schema)).filter((field) => recordOf(field.schema))
    return named.map(({ path }): [ContractKey, string] => [key, path])
  })
}

/** `acc` where a field takes ids of accounts. */
function recordOf({ pattern }: JsonSchema): string | undefined {
  return /^\^\(?(acc|prt|sub|upl|usr)\b/.exec(pattern?.replace('_', ' ') ?? '')?.[1]
}

/** An id of the owner that such a field would take. */
function foreignId(field: string, { accountId, portal, pending }: Person): string {
  if (/submission/i.test(field)) return pending.submissionId
  return /account/i.test(field) ? accountId : portal.id
}

/** What must not be shown to anybody else. */
function idsOf({ accountId, portal, otherPortalId, uploadId, pending, userId }: Person): string[] {
  const pendingIds = pending.uploads.map((upload) => upload.uploadId)
  return [
    userId,
    accountId,
    portal.id,
    otherPortalId,
    uploadId,
    pending.submissionId,
    ...pendingIds,
  ]
}

/** Where a person's list goes on after its first entry. */
async function cursorOf(key: ContractKey, person: Person): Promise<string> {
  const request = requestOf(key, person)
  const path = `${request.path}?limit=1`
  const response = await sendAs(world.test, key, person, { ...request, path })
  await response.body?.cancel()
  const cursor = response.headers.get('x-next-cursor')
  if (cursor === null) throw new Error(`${key} has no second page`)
  return cursor
}

/** The claims of a token, altered. */
function forged(claims: string, changes: object): string {
  const known = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object
  return Buffer.from(JSON.stringify({ ...known, ...changes })).toString('base64url')
}

/** Each attempt is refused with this code, and nothing is written. */
async function expectAllRefused(
  key: ContractKey,
  attempts: { what: string; send: () => Promise<Response> }[],
  codes: string[],
): Promise<void> {
  expect(attempts.length).toBeGreaterThan(0)
  const before = await dumpTable(world.test)
  for (const { what, send } of attempts) {
    const problem = await problemByContract(key, await send())
    expect(codes, `${key}, ${what}: ${problem?.code}`).toContain(problem?.code)
  }
  expect(await dumpTable(world.test)).toEqual(before)
}

function by(headers: Record<string, string>, request: ContractRequest) {
  return sendBy(world.test.browser(), request, headers)
}

describe('the routes of an owner', () => {
  it.each(ownerRows)('%s asks whoever is not signed in to sign in', async (key) => {
    const { test, owner } = world
    const request = requestOf(key, owner)
    const origin = test.cloud.urls.app
    const cookie = `portage_session=${owner.http.cookie('portage_session')}`
    await expectAllRefused(
      key,
      [
        { what: 'nobody', send: () => by({}, request) },
        {
          what: 'a made-up session',
          send: () => by({ cookie: 'portage_session=x', origin }, request),
        },
        {
          what: 'half a session',
          send: () => by({ cookie: cookie.slice(0, -1), origin }, request),
        },
        {
          what: 'the name of a secure session',
          send: () => by({ cookie: `__Host-${cookie}`, origin }, request),
        },
        {
          what: 'an owner id',
          send: () => by({ cookie: `portage_session=${owner.userId}`, origin }, request),
        },
        {
          what: 'the session as a token',
          send: () => by(bearer(owner.http.cookie('portage_session') ?? ''), request),
        },
        { what: 'a client', send: () => by(bearer(owner.pending.uploadToken), request) },
      ],
      ['SESSION_REQUIRED'],
    )
  })

  it.each(ownerRows.filter(changes))('%s does nothing for a page of another site', async (key) => {
    const { owner, test } = world
    const request = requestOf(key, owner)
    const { port } = new URL(test.cloud.urls.app)
    const foreign = [
      'https://evil.example',
      'null',
      '',
      `http://localhost:${port}`,
      `${test.cloud.urls.app}.evil.example`,
    ]
    await expectAllRefused(
      key,
      foreign.map((origin) => ({
        what: origin,
        send: () => sendBy(owner.http, request, { origin }),
      })),
      ['FORBIDDEN_ORIGIN'],
    )
  })

  const withId = ownerRows.filter(([, { params }]) => params?.['id'])

  it.each(withId)('%s finds nothing of another owner’s by its address', async (key, row) => {
    const { intruder, owner } = world
    const bodies = Object.keys(row.body?.examples ?? { none: undefined })
    await expectAllRefused(
      key,
      bodies.map((example) => {
        const theirs = requestOf(key, owner, example)
        // Only the address is foreign: what the body names is the intruder's own.
        const { json } = requestOf(key, intruder, example)
        return {
          what: example,
          send: () =>
            sendAs(world.test, key, intruder, json === undefined ? theirs : { ...theirs, json }),
        }
      }),
      ['PORTAL_NOT_FOUND', 'UPLOAD_NOT_FOUND'],
    )
  })

  it.each(rowsWithIds('body', ownerRows))(
    '%s takes no other owner’s id in %s of its body',
    async (key, field) => {
      const { intruder, owner } = world
      const good = requestOf(key, intruder)
      const own = good.json as Record<string, unknown>
      // A choice by id has no provider beside it.
      const { provider: _, ...rest } = own
      const id = foreignId(field, owner)
      await expectAllRefused(
        key,
        [
          {
            what: field,
            send: () =>
              sendAs(world.test, key, intruder, { ...good, json: withValue(rest, field, id) }),
          },
        ],
        ['ACCOUNT_NOT_FOUND', 'PORTAL_NOT_FOUND', 'SUBMISSION_NOT_FOUND'],
      )
    },
  )

  /** It looks through the caller's own entries only, whatever it is asked for. */
  const ANSWERS_NOTHING: ContractKey[] = ['GET /api/events']

  it.each(rowsWithIds('query', ownerRows))(
    '%s takes no other owner’s id as %s',
    async (key, field) => {
      const { intruder, owner } = world
      const request = requestOf(key, intruder)
      const path = `${request.path}?${field}=${foreignId(field, owner)}`
      const send = () => sendAs(world.test, key, intruder, { ...request, path })
      if (!ANSWERS_NOTHING.includes(key)) {
        await expectAllRefused(
          key,
          [{ what: field, send }],
          ['ACCOUNT_NOT_FOUND', 'PORTAL_NOT_FOUND'],
        )
        return
      }
      const before = await dumpTable(world.test)
      expect(await (await send()).json()).toEqual({ events: [] })
      expect(await dumpTable(world.test)).toEqual(before)
    },
  )

  const lists = ownerRows.filter(([, { query }]) => query && 'cursor' in query.shape)

  it.each(lists)('%s opens nothing by the cursor of another owner or another list', async (key) => {
    const { intruder, owner } = world
    const before = await dumpTable(world.test)
    for (const [list] of lists) {
      const cursor = await cursorOf(list, owner)
      // Where a list goes on, and nothing of whose it is.
      expect(Buffer.from(cursor, 'base64url').toString(), list).not.toMatch(/usr_|acc_/)
      const request = requestOf(key, intruder)
      const path = `${request.path}?cursor=${cursor}`
      const response = await sendAs(world.test, key, intruder, { ...request, path })
      const text = await response.clone().text()
      const problem = await problemByContract(key, response)
      expect([undefined, 'INVALID_REQUEST'], `${list}: ${text}`).toContain(problem?.code)
      for (const id of idsOf(owner)) expect(text, list).not.toContain(id)
    }
    expect(await dumpTable(world.test)).toEqual(before)
  })

  it.each(ownerRows.filter((row) => !changes(row)))(
    '%s shows nothing of another owner',
    async (key) => {
      const { intruder, owner } = world
      const request = requestOf(key, intruder)
      const response = await sendAs(world.test, key, intruder, request)
      const text = await response.text()
      for (const id of idsOf(owner)) expect(text).not.toContain(id)
    },
  )
})

describe('the routes of a client', () => {
  const KINDS = ['TOKEN_REQUIRED', 'TOKEN_INVALID']

  it.each(tokenRows)('%s asks for a token that was given out for it', async (key, row) => {
    const { owner, test } = world
    const request = requestOf(key, owner)
    const { uploadToken, readToken, submissionId } = owner.pending
    const token = row.caller === 'write' ? uploadToken : readToken
    const [claims = '', mac = ''] = token.split('.')
    const tokens = [
      '',
      'x',
      '.',
      'e30.e30',
      claims,
      `${claims}.`,
      `${claims}.${mac.slice(0, -2)}`,
      `${forged(claims, { submissionId: world.foreign.submissionId })}.${mac}`,
      `${forged(claims, { expiresAtMs: 9e15 })}.${mac}`,
      submissionId,
      // Of the other kind, where that is not enough.
      ...(row.caller === 'write' ? [readToken] : []),
    ]
    await expectAllRefused(
      key,
      [
        { what: 'nobody', send: () => by({}, request) },
        { what: 'an owner', send: () => sendBy(owner.http, request) },
        {
          what: 'another scheme',
          send: () => by({ authorization: `Basic ${token}` }, request),
        },
        ...tokens.map((one) => ({ what: one, send: () => by(bearer(one), request) })),
        {
          what: 'a token in the address',
          send: () => by({}, { ...request, path: `${request.path}?token=${token}` }),
        },
      ],
      KINDS,
    )
    expect(test.logs.some((line) => line.includes(mac))).toBe(false)
  })

  it.each(tokenRows)('%s opens nothing by the token of another hand-over', async (key, row) => {
    const { owner, intruder, foreign } = world
    const request = requestOf(key, owner)
    const tokensOf = ({ uploadToken, readToken }: IntentReply) =>
      row.caller === 'write' ? [uploadToken] : [uploadToken, readToken]
    await expectAllRefused(
      key,
      [...tokensOf(foreign), ...tokensOf(intruder.pending)].map((token) => ({
        what: token,
        send: () => by(bearer(token), request),
      })),
      ['UPLOAD_NOT_FOUND', 'SUBMISSION_NOT_FOUND'],
    )
  })

  it.each(tokenRows.filter(changes))(
    '%s does nothing for a page of another site that has a session',
    async (key) => {
      const { owner } = world
      const request = requestOf(key, owner)
      const origin = 'https://evil.example'
      await expectAllRefused(
        key,
        [
          {
            what: 'with a cookie',
            send: () =>
              sendBy(owner.http, request, { ...bearer(owner.pending.uploadToken), origin }),
          },
        ],
        ['FORBIDDEN_ORIGIN'],
      )
    },
  )

  it.each(rowsWithIds('body', tokenRows))(
    '%s takes no other hand-over’s id in %s of its body',
    async (key, field) => {
      const { owner, foreign, intruder } = world
      const good = requestOf(key, owner)
      await expectAllRefused(
        key,
        [foreign, intruder.pending].map(({ uploads }) => ({
          what: field,
          send: () =>
            sendAs(world.test, key, owner, {
              ...good,
              json: withValue(good.json, field, uploads[0]?.uploadId),
            }),
        })),
        ['UPLOAD_NOT_FOUND'],
      )
    },
  )

  it('POST /api/upload adds to no hand-over without its write token, and not by another portal', async () => {
    const key = 'POST /api/upload'
    const { owner, intruder, foreign } = world
    const good = requestOf(key, owner)
    const { submissionId, uploadToken, readToken } = owner.pending
    const json = { ...(good.json as object), submissionId }
    const send = (headers: Record<string, string>, body: object) => () =>
      by(headers, { ...good, json: body })
    await expectAllRefused(
      key,
      [
        { what: 'no token', send: send({}, json) },
        { what: 'a read token', send: send(bearer(readToken), json) },
      ],
      KINDS,
    )
    await expectAllRefused(
      key,
      [
        { what: 'another hand-over', send: send(bearer(foreign.uploadToken), json) },
        { what: 'another owner’s', send: send(bearer(intruder.pending.uploadToken), json) },
        {
          what: 'another portal',
          send: send(bearer(uploadToken), { ...json, portalId: intruder.portal.id }),
        },
        {
          what: 'another portal of the same owner',
          send: send(bearer(uploadToken), { ...json, portalId: owner.otherPortalId }),
        },
      ],
      ['SUBMISSION_NOT_FOUND'],
    )
  })
})

describe('who may, is let in', () => {
  /** What takes something away comes after all that needs it. */
  const turnOf = ([key, { caller, tag }]: Row): number => {
    if (caller !== 'owner') return 0
    if (key.startsWith('DELETE ')) return 3
    return tag === 'Storage accounts' ? 2 : 1
  }
  const ofTheApp = guardedRows
    .filter(([key]) => !pathOf(key).includes('/oauth/'))
    .toSorted((a, b) => turnOf(a) - turnOf(b))

  it.each(ofTheApp)('%s', async (key) => {
    const { owner, test } = world
    const response = await sendAs(test, key, owner, requestOf(key, owner))
    const problem = await problemByContract(key, response)
    // What it asks for may not be possible as things stand, but nobody is turned away.
    expect([undefined, 409], `${key}: ${problem?.code}`).toContain(problem?.status)
  })
})

// Moves the clock: last.
describe('what has ended opens nothing', () => {
  beforeAll(() => pass(world.test, FORTY_DAYS_SECONDS))

  it.each(ownerRows)('%s, by a session', async (key) => {
    const { owner } = world
    const send = () => sendAs(world.test, key, owner, requestOf(key, owner))
    await expectAllRefused(key, [{ what: 'a session of old', send }], ['SESSION_REQUIRED'])
  })

  it.each(tokenRows)('%s, by a token', async (key) => {
    const { owner } = world
    const send = () => sendAs(world.test, key, owner, requestOf(key, owner))
    await expectAllRefused(key, [{ what: 'a token of old', send }], ['TOKEN_EXPIRED'])
  })
})
