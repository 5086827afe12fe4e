import { describe, expect, it } from 'vitest'
import { content, control, digest, ownersDrive, putRange } from './drive-client.ts'
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

describe('a status fault', () => {
  it('refuses without effect, as often as it says, after as many as it skips', async () => {
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
  })

  it.each([
    [
      'status:403:userRateLimitExceeded',
      403,
      'userRateLimitExceeded',
      'User Rate Limit Exceeded',
      'usageLimits',
    ],
    ['status:429', 429, 'rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
    [
      'status:403:storageQuotaExceeded',
      403,
      'storageQuotaExceeded',
      "The user's Drive storage quota has been exceeded.",
      'usageLimits',
    ],
    ['status:401', 401, 'authError', 'Invalid Credentials', 'global'],
    ['status:503', 503, 'backendError', 'Backend Error', 'global'],
  ])('%s has the shape of Drive', async (action, status, reason, message, domain) => {
    const { drive } = await prepared({ route: '/drive/v3/files', action })

    const reply = await drive.call('GET', '/drive/v3/files')

    expect(reply.status).toBe(status)
    expect(reply.json.error).toMatchObject({
      code: status,
      message,
      errors: [{ domain, reason, message }],
    })
  })

  it('can carry a message and Retry-After', async () => {
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

  it('status:503 leaves the chunk unstored', async () => {
    const { location } = await session({ action: 'status:503' })

    expect((await putRange(location, whole, data)).status).toBe(503)
    expect((await putRange(location, `bytes */${data.length}`)).headers.get('range')).toBeNull()
  })

  it('apply-then-503 stores the chunk and loses the reply', async () => {
    const { drive, location } = await session({ action: 'apply-then-503' })

    expect((await putRange(location, whole, data)).status).toBe(503)
    const status = await putRange(location, `bytes */${data.length}`)

    expect(status.status).toBe(200)
    expect(status.json.md5Checksum).toBe(digest('md5', data))
    expect(await drive.list("name = 'a.bin'")).toHaveLength(1)
  })

  it('reset breaks the connection in the middle of the body; whole units stay', async () => {
    const { location } = await session({ action: 'reset' })

    await expect(putRange(location, whole, data)).rejects.toThrow('fetch failed')
    const status = await putRange(location, `bytes */${data.length}`)

    expect(status.headers.get('range')).toBe(`bytes=0-${2 * UNIT - 1}`)
  })

  it('partial stores half of the chunk and says so', async () => {
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

  it('partial can store as much as it is told, in whole units, and nothing at all', async () => {
    const { location, plan } = await session({ action: 'partial', bytes: 3 * UNIT + 5 })
    const { location: other } = await session({ action: 'partial', bytes: 10 })
    await plan({ route: `${UPLOAD}?upload_id`, action: 'status:404' })

    expect((await putRange(other, whole, data)).headers.get('range')).toBeNull()
    expect((await putRange(location, whole, data)).headers.get('range')).toBe(
      `bytes=0-${3 * UNIT - 1}`,
    )
    expect((await putRange(location, whole, data)).status).toBe(404)
  })

  it('slow keeps the client waiting', async () => {
    const { location } = await session({ action: 'slow', ms: 150 })
    const start = performance.now()

    expect((await putRange(location, whole, data)).status).toBe(200)
    expect(performance.now() - start).toBeGreaterThanOrEqual(145)
  })

  it('slow ends when the client does not wait', async () => {
    const { fixture, location } = await session({ action: 'slow', ms: 60_000 })

    await expect(
      fetch(location, { method: 'PUT', signal: AbortSignal.timeout(100) }),
    ).rejects.toThrow()
    await fixture.close()
  })

  it('late-conflict moves the 409 of a used id from the opening to the end', async () => {
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

describe('faults of other requests', () => {
  it('apply-then-503 creates the file; the repeat with its id is 409', async () => {
    const { drive } = await prepared({
      route: '/drive/v3/files',
      method: 'POST',
      action: 'apply-then-503',
    })
    const id = await drive.reserveId()

    expect((await drive.create({ id })).status).toBe(503)
    expect((await drive.create({ id })).status).toBe(409)
  })

  it('reset without a body breaks before the reply', async () => {
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
