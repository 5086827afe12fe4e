import { describe, expect, it } from 'vitest'
import { WORDED_REASONS } from '../../../../infra/local/providers/google/drive-error.ts'
import { content, control, digest, driveOf, ownersDrive, putRange } from './drive-client.ts'
import { postToken, refreshForm, signIn, startEmulator, UNIT } from './emulator-fixture.ts'

const UPLOAD = '/upload/drive/v3/files'

async function prepared(fault: object) {
  const fixture = await startEmulator()
  const drive = await ownersDrive(fixture)
  const plan = async (one: object) =>
    expect((await control(fixture, 'POST', 'faults', one)).status).toBe(201)
  await plan(fault)
  return { fixture, drive, plan }
}

/** Every knob that a test below turns. */
const turned = new Set<string>()

function knob(names: string, what: string, run: () => Promise<void>): void {
  for (const name of names.split(' ')) turned.add(name)
  it(`${names}: ${what}`, run)
}

const refusals: [action: string, reason: string, message: string, domain: string][] = [
  ['status:401', 'authError', 'Invalid Credentials', 'global'],
  ['status:403', 'userRateLimitExceeded', 'User Rate Limit Exceeded', 'usageLimits'],
  [
    'status:403:userRateLimitExceeded',
    'userRateLimitExceeded',
    'User Rate Limit Exceeded',
    'usageLimits',
  ],
  ['status:403:dailyLimitExceeded', 'dailyLimitExceeded', 'Daily Limit Exceeded', 'usageLimits'],
  [
    'status:403:storageQuotaExceeded',
    'storageQuotaExceeded',
    "The user's Drive storage quota has been exceeded.",
    'usageLimits',
  ],
  [
    'status:403:insufficientFilePermissions',
    'insufficientFilePermissions',
    'The user does not have sufficient permissions for this file.',
    'global',
  ],
  [
    'status:403:numChildrenInNonRootLimitExceeded',
    'numChildrenInNonRootLimitExceeded',
    "The limit for this folder's number of children (files and folders) has been exceeded.",
    'global',
  ],
  [
    'status:403:teamDriveFileLimitExceeded',
    'teamDriveFileLimitExceeded',
    'The file limit for this shared drive has been exceeded.',
    'global',
  ],
  [
    'status:403:domainPolicy',
    'domainPolicy',
    'The domain administrators have disabled Drive apps.',
    'global',
  ],
  ['status:403:neverHeardOf', 'neverHeardOf', 'neverHeardOf', 'global'],
  ['status:404', 'notFound', 'File not found: .', 'global'],
  ['status:429', 'rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
  ['status:500', 'internalError', 'Internal Error', 'global'],
  ['status:503', 'backendError', 'Backend Error', 'global'],
]

describe('a status fault', () => {
  knob(
    'status method skip times',
    'refuses without effect, so many times after so many',
    async () => {
      const { drive } = await prepared({
        route: '/drive/v3/files',
        method: 'POST',
        action: 'status:429',
        skip: 1,
        times: 2,
      })

      const statuses = []
      for (let call = 0; call < 4; call += 1)
        statuses.push((await drive.create({ name: `${call}` })).status)

      expect(statuses).toEqual([200, 429, 429, 200])
      expect((await drive.list('')).map((file) => file.name)).toEqual(['0', '3'])
    },
  )

  turned.add('action')
  it.each(refusals)('%s has the shape of Drive', async (action, reason, message, domain) => {
    const { drive } = await prepared({ route: '/drive/v3/files', action })
    const status = Number(action.split(':')[1])

    const reply = await drive.call('GET', '/drive/v3/files')

    expect(reply.status).toBe(status)
    expect(reply.json.error).toMatchObject({
      code: status,
      message,
      errors: [{ domain, reason, message }],
    })
  })

  knob('message retryAfterSeconds', 'are carried by the refusal', async () => {
    const { drive } = await prepared({
      route: '/drive/v3/files',
      action: 'status:403:userRateLimitExceeded',
      message: 'User rate limit exceeded.',
      retryAfterSeconds: 7,
    })

    const reply = await drive.call('GET', '/drive/v3/files')

    expect(reply.json.error.message).toBe('User rate limit exceeded.')
    expect(reply.headers.get('retry-after')).toBe('7')
  })

  it('has the shape of OAuth at the token endpoint, and is plain text for 5xx of an upload', async () => {
    const { fixture, drive, plan } = await prepared({
      route: '/token',
      action: 'status:400:invalid_grant',
      skip: 1,
    })
    await plan({ route: UPLOAD, action: 'status:503' })
    const { refresh_token = '' } = await signIn(fixture)

    const refused = await postToken(fixture, refreshForm(refresh_token))
    const upload = await drive.openSession({}, 1)

    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await postToken(fixture, refreshForm(refresh_token))).status).toBe(200)
    expect(upload.status).toBe(503)
    expect(upload.headers.get('content-type')).toContain('text/plain')
  })
})

describe('a fault of a session', () => {
  const data = content(4 * UNIT)
  const whole = `bytes 0-${data.length - 1}/${data.length}`

  async function session(fault: object) {
    const { drive, ...rest } = await prepared({ route: UPLOAD, method: 'PUT', ...fault })
    const { location } = await drive.openSession({ name: 'a.bin' }, data.length)
    return { drive, location, ...rest }
  }

  knob('status', '503 leaves the chunk unstored', async () => {
    const { location } = await session({ action: 'status:503' })

    expect((await putRange(location, whole, data)).status).toBe(503)
    expect((await putRange(location, `bytes */${data.length}`)).headers.get('range')).toBeNull()
  })

  knob('apply-then-503', 'stores the chunk and loses the reply', async () => {
    const { drive, location } = await session({ action: 'apply-then-503' })

    expect((await putRange(location, whole, data)).status).toBe(503)
    const status = await putRange(location, `bytes */${data.length}`)

    expect(status.status).toBe(200)
    expect(status.json.md5Checksum).toBe(digest('md5', data))
    expect(await drive.list("name = 'a.bin'")).toHaveLength(1)
  })

  knob('reset bytes', 'breaks the connection after so many bytes', async () => {
    const { location } = await session({ action: 'reset', bytes: UNIT + 5 })

    await expect(putRange(location, whole, data)).rejects.toThrow('fetch failed')
    const status = await putRange(location, `bytes */${data.length}`)

    expect(status.headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
  })

  knob('reset', 'breaks the connection in the middle of the body; whole units stay', async () => {
    const { location } = await session({ action: 'reset' })

    await expect(putRange(location, whole, data)).rejects.toThrow('fetch failed')
    const status = await putRange(location, `bytes */${data.length}`)

    expect(status.headers.get('range')).toBe(`bytes=0-${2 * UNIT - 1}`)
  })

  knob('partial', 'stores half of the chunk and says so', async () => {
    const { location } = await session({ action: 'partial' })

    const part = await putRange(location, whole, data)
    const rest = await putRange(
      location,
      `bytes ${2 * UNIT}-${data.length - 1}/${data.length}`,
      data.subarray(2 * UNIT),
    )

    expect(part.status).toBe(308)
    expect(part.headers.get('range')).toBe(`bytes=0-${2 * UNIT - 1}`)
    expect(rest.json.sha256Checksum).toBe(digest('sha256', data))
  })

  knob(
    'partial bytes',
    'stores as much as it is told, in whole units, or nothing at all',
    async () => {
      const { location, plan } = await session({ action: 'partial', bytes: 3 * UNIT + 5 })
      const { location: other } = await session({ action: 'partial', bytes: 10 })
      await plan({ route: `${UPLOAD}?upload_id`, action: 'status:404' })

      expect((await putRange(other, whole, data)).headers.get('range')).toBeNull()
      expect((await putRange(location, whole, data)).headers.get('range')).toBe(
        `bytes=0-${3 * UNIT - 1}`,
      )
      expect((await putRange(location, whole, data)).status).toBe(404)
    },
  )

  knob('slow ms', 'keeps the client waiting', async () => {
    const { location } = await session({ action: 'slow', ms: 150 })
    const start = performance.now()

    expect((await putRange(location, whole, data)).status).toBe(200)
    expect(performance.now() - start).toBeGreaterThanOrEqual(145)
  })

  knob('slow', 'ends when the client does not wait', async () => {
    const { fixture, location } = await session({ action: 'slow', ms: 60_000 })

    await expect(
      fetch(location, { method: 'PUT', signal: AbortSignal.timeout(100) }),
    ).rejects.toThrow()
    await fixture.close()
  })

  knob('late-conflict', 'moves the 409 of a used id from the opening to the end', async () => {
    const { drive } = await prepared({ route: UPLOAD, method: 'POST', action: 'late-conflict' })
    const id = await drive.reserveId()
    await drive.create({ id, name: 'first' })

    const { status, location } = await drive.openSession({ id, name: 'second' }, 4)
    const end = await putRange(location, 'bytes 0-3/4', content(4))

    expect(status).toBe(200)
    expect(end.status).toBe(409)
    expect(end.json.error.errors[0].reason).toBe('fileIdInUse')
    expect((await drive.list('')).map((file) => file.name)).toEqual(['first'])
  })
})

describe('which requests a fault meets', () => {
  const cases: [route: string, path: string, meets: boolean][] = [
    ['/drive/v3/files', '/drive/v3/files?pageSize=1', true],
    ['/drive/v3/files', '/drive/v3/files/generateIds', true],
    ['drive/v3/files/', '/drive/v3/files', true],
    ['/drive/v3/file', '/drive/v3/files', false],
    ['/drive/v3/files/*', '/drive/v3/files', false],
    ['/drive/*/generateIds', '/drive/v3/files/generateIds', true],
    ['*', '/drive/v3/about?fields=user', true],
    ['/drive/v3/files?pageSize', '/drive/v3/files?pageSize=1', true],
    ['/drive/v3/files?pageSize=2', '/drive/v3/files?pageSize=1', false],
    ['/drive/v3/files?pageSize=1', '/drive/v3/files?pageSize=1&q=', true],
    ['/drive/v3/files?pageSize', '/drive/v3/files', false],
  ]
  turned.add('route')
  it.each(cases)('route %s and %s: %s', async (route, path, meets) => {
    const { drive } = await prepared({ route, action: 'status:500' })

    expect((await drive.call('GET', path)).status).toBe(meets ? 500 : 200)
  })

  knob('route method', 'the first that is due is played, each in its turn', async () => {
    const { drive, plan } = await prepared({ route: '*', method: 'POST', action: 'status:500' })
    await plan({ route: '*', action: 'status:429', skip: 1 })
    await plan({ route: '*', action: 'status:503' })

    const statuses = []
    for (let call = 0; call < 4; call += 1)
      statuses.push((await drive.call('GET', '/drive/v3/files')).status)

    expect(statuses).toEqual([503, 429, 200, 200])
    expect((await drive.create({})).status).toBe(500)
  })
})

describe('what can happen to an account', () => {
  async function happens(action: string, body?: object) {
    const fixture = await startEmulator()
    const { access_token, refresh_token = '' } = await signIn(fixture)
    const path = `accounts/owner@example.com/${action}`
    expect((await control(fixture, 'POST', path, body)).status).toBe(200)
    return {
      drive: driveOf(fixture, access_token),
      refresh: () => postToken(fixture, refreshForm(refresh_token)),
    }
  }

  knob('revoke', 'every token is dead', async () => {
    const { drive, refresh } = await happens('revoke')

    expect((await drive.call('GET', '/drive/v3/files')).status).toBe(401)
    expect(await refresh()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  knob('expire-tokens', 'the access token is dead, the grant is not', async () => {
    const { drive, refresh } = await happens('expire-tokens')

    expect((await drive.call('GET', '/drive/v3/files')).status).toBe(401)
    expect((await refresh()).status).toBe(200)
  })

  knob('quota', 'what does not fit any more is refused', async () => {
    const { drive } = await happens('quota', { usedBytes: 0, totalBytes: 10 })

    const refused = await drive.upload({}, content(11))

    expect(refused.json.error.errors[0].reason).toBe('storageQuotaExceeded')
    expect((await drive.upload({}, content(10))).status).toBe(200)
  })
})

describe('every knob', () => {
  it('and every reason that has a sentence', () => {
    const tested = new Set(refusals.map(([, reason]) => reason))
    expect(WORDED_REASONS.filter((reason) => !tested.has(reason))).toEqual([])
  })

  it('has a test', async () => {
    const { knobs } = (await control(await startEmulator(), 'GET', 'faults')).json

    const { members, actions, accounts } = knobs
    expect([...members, ...actions, ...accounts].sort()).toEqual([...turned].sort())
  })
})

describe('faults of other requests', () => {
  knob('apply-then-503', 'creates the file; the repeat with its id is 409', async () => {
    const { drive } = await prepared({
      route: '/drive/v3/files',
      method: 'POST',
      action: 'apply-then-503',
    })
    const id = await drive.reserveId()

    expect((await drive.create({ id })).status).toBe(503)
    expect((await drive.create({ id })).status).toBe(409)
  })

  knob('reset', 'without a body breaks before the reply', async () => {
    const { drive } = await prepared({ route: '/drive/v3/about', action: 'reset' })

    await expect(drive.call('GET', '/drive/v3/about?fields=user')).rejects.toThrow('fetch failed')
    expect((await drive.call('GET', '/drive/v3/about?fields=user')).status).toBe(200)
  })

  it.each(['reset', 'partial'])('%s of a download breaks off in the middle', async (action) => {
    const { fixture, drive } = await prepared({ route: '/drive/v3/files/*', method: 'GET', action })
    const { id } = (await drive.upload({ name: 'a' }, content(UNIT))).json
    const { access_token } = await signIn(fixture)

    const reply = await fetch(`${fixture.url}/drive/v3/files/${id}?alt=media`, {
      headers: { authorization: `Bearer ${access_token}` },
    })

    expect(reply.headers.get('content-length')).toBe(String(UNIT))
    await expect(reply.arrayBuffer()).rejects.toThrow()
  })

  it('is gone after DELETE', async () => {
    const { fixture, drive } = await prepared({ route: '*', action: 'status:500', times: 5 })

    expect((await drive.call('GET', '/drive/v3/files')).status).toBe(500)
    expect((await control(fixture, 'GET', 'faults')).json.faults).toMatchObject([{ times: 4 }])
    expect((await control(fixture, 'DELETE', 'faults')).status).toBe(204)
    expect((await drive.call('GET', '/drive/v3/files')).status).toBe(200)
  })

  it.each([
    { action: 'status:429' },
    { route: '/x', action: 'explode' },
    { route: '/x', action: 'status:200' },
    { route: '/x', action: 'slow', times: 0 },
    { route: '/x', action: 'slow', colour: 'red' },
  ])('%j is refused', async (fault) => {
    const fixture = await startEmulator()

    const reply = await control(fixture, 'POST', 'faults', fault)

    expect(reply.status).toBe(400)
    expect(reply.json.error).toBeTypeOf('string')
  })
})
