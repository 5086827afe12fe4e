import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../../infra/constructs/routes.ts'
import type { AppClient } from '../../../infra/local/app-client.ts'
import {
  announce,
  createPortal,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { dumpTable } from './attack.ts'

const LETTER = { name: 'letter.txt', content: Buffer.from('Dear owner'), type: 'text/plain' }
const EIGHT_DAYS_SECONDS = 8 * 86_400

/** Routes that serve a signed-in owner. */
const OWNER_ROUTES = [
  ...ROUTES.connect,
  ...ROUTES.accounts,
  ...ROUTES.portals,
  ...ROUTES.uploads,
] as const
type OwnerRoute = (typeof OWNER_ROUTES)[number]

let test: TestCloud
let owner: Owner
let intruder: Owner
let uploadId: string

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  intruder = await test.owner({ email: SECOND_OWNER, portal: { slug: 'intruders' } })
  const { uploads } = await announce(test.browser(), owner.portal.id, [LETTER])
  uploadId = uploads[0]?.uploadId ?? ''
})
afterAll(() => test.close())

/** The request of a route with the ids of `owner`, as the owner would send it. */
function requestOf(route: OwnerRoute): { method: string; path: string; json?: unknown } {
  const [method = '', path = ''] = route.split(' ')
  const id = path.startsWith('/api/portals') ? owner.portal.id : uploadId
  const bodies: Partial<Record<OwnerRoute, unknown>> = {
    'POST /api/storage/deactivate': { storageAccountId: owner.accountId },
    'POST /api/storage/reactivate': { storageAccountId: owner.accountId },
    'POST /api/portals': {
      name: 'Stolen',
      slug: 'stolen',
      storageProvider: 'google_drive',
      storageAccountId: owner.accountId,
    },
  }
  const json = bodies[route]
  return {
    method,
    path: path.replace('{id}', id).replace('{provider}', 'google'),
    ...(json === undefined ? {} : { json }),
  }
}

async function statusOf(
  http: AppClient,
  route: OwnerRoute,
  headers: Record<string, string> = {},
): Promise<number> {
  const { method, path, json } = requestOf(route)
  const response = await http.send(method, path, {
    headers,
    ...(json === undefined ? {} : { json }),
  })
  const type = response.headers.get('content-type')
  if (response.status >= 400) expect(type, route).toBe('application/problem+json')
  return response.status
}

describe('security rules 4 and 15: the routes of an owner', () => {
  it.each(OWNER_ROUTES)('%s tells a stranger to sign in, and does nothing', async (route) => {
    const before = await dumpTable(test)

    expect(await statusOf(test.browser(), route)).toBe(401)
    expect(
      await statusOf(test.browser(), route, {
        cookie: 'portage_session=made-up',
        origin: test.cloud.urls.app,
      }),
    ).toBe(401)

    expect(await dumpTable(test)).toEqual(before)
  })

  it.each(OWNER_ROUTES.filter((route) => !route.startsWith('GET')))(
    '%s does nothing for a page of another site',
    async (route) => {
      const before = await dumpTable(test)

      for (const origin of ['https://evil.example', 'null', '']) {
        expect(await statusOf(owner.http, route, { origin })).toBe(403)
      }

      expect(await dumpTable(test)).toEqual(before)
    },
  )

  it.each([
    'POST /api/storage/deactivate',
    'POST /api/storage/reactivate',
    'POST /api/portals',
    'GET /api/portals/{id}',
    'GET /api/uploads/{id}',
    'DELETE /api/uploads/{id}',
    'GET /api/uploads/{id}/download',
  ] satisfies OwnerRoute[])(
    "%s finds nothing of another owner's, and changes nothing",
    async (route) => {
      const before = await dumpTable(test)

      expect(await statusOf(intruder.http, route)).toBe(404)

      expect(await dumpTable(test)).toEqual(before)
    },
  )

  it('lists show nobody else’s, and filters by a foreign id find nothing', async () => {
    const lists = [
      '/api/portals',
      '/api/v1/uploads',
      '/api/storage/accounts',
      `/api/portals?userId=${owner.portal.id}`,
    ]
    for (const path of lists) {
      const text = await (await intruder.http.send('GET', path)).text()
      for (const id of [owner.portal.id, owner.accountId, uploadId]) {
        expect(text, path).not.toContain(id)
      }
    }
    for (const filter of [`portalId=${owner.portal.id}`, `storageAccountId=${owner.accountId}`]) {
      const response = await intruder.http.send('GET', `/api/v1/uploads?${filter}`)
      expect(response.status).toBe(404)
    }
  })

  it('a body that names another user is refused', async () => {
    const me = await owner.http.call<{ user: { id: string } }>('GET', '/api/auth/session')
    const before = await dumpTable(test)

    const response = await intruder.http.send('POST', '/api/portals', {
      json: {
        name: 'Stolen',
        slug: 'stolen',
        storageProvider: 'google_drive',
        storageAccountId: intruder.accountId,
        userId: me.user.id,
      },
    })

    expect(response.status).toBe(400)
    expect(await dumpTable(test)).toEqual(before)
  })

  it("the cursor of another owner's list, or of another list, opens nothing of it", async () => {
    await createPortal(owner.http, owner.accountId, { slug: 'second-portal' })
    await createPortal(owner.http, owner.accountId, { slug: 'third-portal' })
    await announce(test.browser(), owner.portal.id, [LETTER, LETTER])
    const cursorOf = async (path: string) =>
      (await owner.http.send('GET', path)).headers.get('x-next-cursor') ?? ''
    const cursors = {
      portals: await cursorOf('/api/portals?limit=1'),
      uploads: await cursorOf('/api/v1/uploads?limit=1'),
      portalUploads: await cursorOf(`/api/v1/uploads?limit=1&portalId=${owner.portal.id}`),
    }
    const own = new Set([intruder.portal.id])
    for (const [list, cursor] of Object.entries(cursors)) {
      expect(cursor, list).not.toBe('')
      expect(Buffer.from(cursor, 'base64url').toString(), list).not.toMatch(/usr_|acc_/)
      for (const path of ['/api/portals', '/api/v1/uploads']) {
        const response = await intruder.http.send('GET', `${path}?cursor=${cursor}`)
        const body = await response.text()
        expect([200, 400], `${list} at ${path}`).toContain(response.status)
        const ids = body.match(/\b(?:prt|upl)_[0-9a-z]+/g) ?? []
        if (response.status === 200) expect(ids.every((id) => own.has(id))).toBe(true)
      }
    }
  })

  it.each(['', 'x', 'eyJwayI6InBvcnRhbCMifQ', '..', '%00', 'a'.repeat(501)])(
    'the made-up cursor %j is refused or empty, never an error of ours',
    async (cursor) => {
      for (const path of ['/api/portals', '/api/v1/uploads']) {
        const response = await owner.http.send('GET', `${path}?cursor=${cursor}`)
        expect(response.status).toBeLessThan(500)
      }
    },
  )

  it('an id of another type, or no id at all, finds nothing', async () => {
    const ids = [owner.accountId, owner.portal.id, 'upl_', '%2e%2e', 'upload%23upl_x', '__proto__']
    for (const id of ids) {
      for (const path of [`/api/uploads/${id}`, `/api/uploads/${id}/download`]) {
        expect((await owner.http.send('GET', path)).status, path).toBe(404)
      }
    }
  })

  // Moves the clock: last.
  it('none of them serves a session that has ended', async () => {
    await test.cloud.advanceClock(EIGHT_DAYS_SECONDS)
    const before = await dumpTable(test)

    for (const route of OWNER_ROUTES) expect(await statusOf(owner.http, route), route).toBe(401)

    expect(await dumpTable(test)).toEqual(before)
  })
})
