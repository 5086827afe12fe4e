import { describe, expect, it } from 'vitest'
import { content, digest, openSession, ownersDrive, putRange } from './drive-client.ts'
import { signIn, startEmulator, UNIT } from './emulator-fixture.ts'

describe('authorisation of a session', () => {
  it('is its address; a token that comes along must be good', async () => {
    const { fixture, location } = await openSession(1000)
    const { access_token } = await signIn(fixture)
    const range = { 'content-range': 'bytes */1000' }

    const bad = await fetch(location, {
      method: 'PUT',
      headers: { ...range, authorization: 'Bearer x' },
    })
    const good = await fetch(location, {
      method: 'PUT',
      headers: { ...range, authorization: `Bearer ${access_token}` },
    })

    expect(bad.status).toBe(401)
    expect(good.status).toBe(308)
    expect((await putRange(location, 'bytes */1000')).status).toBe(308)
  })

  it('ends when the session is cancelled', async () => {
    const { location } = await openSession(1000)

    expect((await fetch(location, { method: 'DELETE' })).status).toBe(499)
    expect((await putRange(location, 'bytes */1000')).status).toBe(404)
  })
})

describe('ends of a session', () => {
  it.each([undefined, 'bytes */0'])('makes an empty file (Content-Range: %s)', async (range) => {
    const { location } = await openSession(0)

    const reply = await putRange(location, range)

    expect(reply.status).toBe(200)
    expect(reply.json).toMatchObject({ size: '0', md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e' })
  })

  it('gives one file when two sessions carry the same id: the second ends with 409', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const id = await drive.reserveId()
    const first = await drive.openSession({ id, name: 'one' }, 10)
    const second = await drive.openSession({ id, name: 'two' }, 10)

    const won = await putRange(first.location, 'bytes 0-9/10', content(10))
    const lost = await putRange(second.location, 'bytes 0-9/10', content(10))

    expect(won.json.id).toBe(id)
    expect(lost.status).toBe(409)
    expect(lost.json.error.errors[0].reason).toBe('fileIdInUse')
    expect(await drive.list('trashed = false')).toHaveLength(1)
  })

  it('keeps the bytes when the room is gone at the end, and ends once there is room', async () => {
    const { fixture, location } = await openSession(undefined)
    const quota = (totalBytes: number) =>
      fetch(`${fixture.url}/_emulator/accounts/owner@example.com/quota`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ totalBytes }),
      })
    const data = content(100)

    await quota(50)
    const full = await putRange(location, 'bytes 0-99/100', data)
    await quota(500)
    const ended = await putRange(location, 'bytes */100')

    expect(full.json.error.errors[0]).toMatchObject({
      domain: 'usageLimits',
      reason: 'storageQuotaExceeded',
      message: "The user's Drive storage quota has been exceeded.",
    })
    expect(ended.json.md5Checksum).toBe(digest('md5', data))
  })

  it('replaces the content of a file by PATCH and keeps its id and name', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const before = await drive.upload({ name: 'report.txt' }, Buffer.from('old'))
    const { location } = await drive.openSession({}, 3, {
      method: 'PATCH',
      path: `/upload/drive/v3/files/${before.json.id}?uploadType=resumable&fields=*`,
    })

    const after = await putRange(location, 'bytes 0-2/3', Buffer.from('new'))

    expect(after.json).toMatchObject({
      id: before.json.id,
      name: 'report.txt',
      md5Checksum: digest('md5', Buffer.from('new')),
    })
    expect(after.json.headRevisionId).not.toBe(before.json.headRevisionId)
  })

  it('lets the fields of the opening govern the last reply', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const { location } = await drive.openSession({ name: 'n' }, 1, {
      path: '/upload/drive/v3/files?uploadType=resumable&fields=size,name',
    })

    expect((await putRange(location, 'bytes 0-0/1', content(1))).json).toEqual({
      size: '1',
      name: 'n',
    })
  })
})

describe('a restart of the emulator', () => {
  it('continues a session where it was and hashes the whole file', async () => {
    const data = content(2 * UNIT + 3)
    const { fixture, location } = await openSession(data.length)
    await putRange(location, `bytes 0-${UNIT - 1}/${data.length}`, data.subarray(0, UNIT))

    const restarted = await fixture.restart()
    const moved = location.replace(fixture.url, restarted.url)
    const status = await putRange(moved, `bytes */${data.length}`)
    const done = await putRange(
      moved,
      `bytes ${UNIT}-${data.length - 1}/${data.length}`,
      data.subarray(UNIT),
    )

    expect(status.headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
    expect(done.json.sha256Checksum).toBe(digest('sha256', data))
  })
})
