import { describe, expect, it } from 'vitest'
import { content, digest, driveOf, openSession, ownersDrive, putRange } from './drive-client.ts'
import { startEmulator, UNIT } from './emulator-fixture.ts'

const WEEK_SECONDS = 7 * 24 * 60 * 60

describe('opening a session', () => {
  it('answers 200 without a body and an absolute address on the host that was asked', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)

    const reply = await drive.openSession({ name: 'a.bin' }, UNIT)

    expect(reply.status).toBe(200)
    expect(reply.text).toBe('')
    expect(reply.location).toMatch(
      new RegExp(`^${fixture.url}/upload/drive/v3/files\\?.*upload_id=`),
    )
    expect(reply.location).toContain('uploadType=resumable')
    expect(await drive.list('trashed = false')).toEqual([])
  })

  it('refuses an unknown parent, a file as parent, missing room and a used id right away', async () => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)
    const id = await drive.reserveId()
    const file = await drive.create({ id, name: 'taken' })

    expect((await drive.openSession({ parents: ['1unknown'] }, 1)).json.error).toMatchObject({
      code: 404,
      message: 'File not found: 1unknown.',
      errors: [{ reason: 'notFound' }],
    })
    expect((await drive.openSession({ parents: [file.json.id] }, 1)).status).toBe(404)
    expect((await drive.openSession({}, 3 * 1024 ** 4)).json.error.errors[0].reason).toBe(
      'storageQuotaExceeded',
    )
    expect((await drive.openSession({ id }, 1)).json.error).toMatchObject({
      code: 409,
      message: 'A file already exists with the provided ID.',
      errors: [{ reason: 'fileIdInUse' }],
    })
  })

  it('needs authorisation', async () => {
    const fixture = await startEmulator()

    expect((await driveOf(fixture, 'nonsense').openSession({}, 1)).status).toBe(401)
  })
})

describe('sending chunks', () => {
  it.each(['PUT', 'POST'])(
    'takes chunks by %s, says how far it is, and ends with the file',
    async (method) => {
      const data = content(2 * UNIT + 77)
      const { location } = await openSession(data.length)

      const first = await putRange(
        location,
        `bytes 0-${UNIT - 1}/${data.length}`,
        data.subarray(0, UNIT),
        method,
      )
      const last = await putRange(
        location,
        `bytes ${UNIT}-${data.length - 1}/${data.length}`,
        data.subarray(UNIT),
        method,
      )

      expect(first.status).toBe(308)
      expect(first.headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
      expect(first.headers.get('location')).toBeNull()
      expect(last.status).toBe(200)
      expect(last.json).toMatchObject({
        name: 'a.bin',
        size: String(data.length),
        md5Checksum: digest('md5', data),
        sha1Checksum: digest('sha1', data),
        sha256Checksum: digest('sha256', data),
      })
    },
  )

  it('takes the whole file at once, with and without a Content-Range', async () => {
    const data = content(UNIT + 5)
    const ranged = await openSession(data.length)
    const bare = await openSession(undefined)

    const one = await putRange(ranged.location, `bytes 0-${data.length - 1}/${data.length}`, data)
    const other = await putRange(bare.location, undefined, data)

    expect(one.json.sha256Checksum).toBe(digest('sha256', data))
    expect(other.json.sha256Checksum).toBe(digest('sha256', data))
  })

  it('does not need to know the total before the last chunk', async () => {
    const data = content(UNIT + 9)
    const { location } = await openSession(undefined)

    const first = await putRange(location, `bytes 0-${UNIT - 1}/*`, data.subarray(0, UNIT))
    const last = await putRange(
      location,
      `bytes ${UNIT}-${UNIT + 8}/${UNIT + 9}`,
      data.subarray(UNIT),
    )

    expect(first.status).toBe(308)
    expect(last.json.size).toBe(String(UNIT + 9))
  })

  it('accepts bytes again that it has, and stores them once', async () => {
    const data = content(3 * UNIT)
    const { location } = await openSession(data.length)
    await putRange(location, `bytes 0-${2 * UNIT - 1}/${data.length}`, data.subarray(0, 2 * UNIT))

    const within = await putRange(
      location,
      `bytes 0-${UNIT - 1}/${data.length}`,
      data.subarray(0, UNIT),
    )
    const overlapping = await putRange(
      location,
      `bytes ${UNIT}-${3 * UNIT - 1}/${data.length}`,
      data.subarray(UNIT),
    )

    expect(within.headers.get('range')).toBe(`bytes=0-${2 * UNIT - 1}`)
    expect(overlapping.json.md5Checksum).toBe(digest('md5', data))
  })

  it('refuses a gap and keeps what it has', async () => {
    const total = 4 * UNIT
    const { location } = await openSession(total)
    await putRange(location, `bytes 0-${UNIT - 1}/${total}`, content(UNIT))

    const gap = await putRange(
      location,
      `bytes ${2 * UNIT}-${3 * UNIT - 1}/${total}`,
      content(UNIT),
    )
    const status = await putRange(location, `bytes */${total}`)

    expect(gap.status).toBe(400)
    expect(gap.headers.get('content-type')).toContain('text/plain')
    expect(status.headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
  })

  it('refuses a chunk in the middle that is not a multiple of 256 KiB', async () => {
    const { location } = await openSession(2 * UNIT)

    const reply = await putRange(location, `bytes 0-99/${2 * UNIT}`, content(100))
    const unknownTotal = await putRange(location, 'bytes 0-99/*', content(100))

    expect(reply.status).toBe(400)
    expect(reply.text).toContain('262144')
    expect(unknownTotal.status).toBe(400)
  })

  it.each([
    ['a total that differs from the announced one', `bytes 0-${UNIT - 1}/${UNIT + 1}`],
    ['a status query with another total', `bytes */${UNIT + 1}`],
    ['a range without its unit', `*/${UNIT}`],
    ['an empty range', `bytes 0--1/0`],
    ['a range beyond the total', `bytes 0-${UNIT}/${UNIT}`],
  ])('refuses %s in plain text', async (_, contentRange) => {
    const { location } = await openSession(UNIT)
    const body = contentRange.includes('*/') ? Buffer.alloc(0) : content(UNIT)

    const reply = await putRange(location, contentRange, body)

    expect(reply.status).toBe(400)
    expect(reply.text).toBe('Failed to parse Content-Range header.')
  })

  it("refuses a length that is not the range's", async () => {
    const { location } = await openSession(UNIT)

    expect(
      (await putRange(location, `bytes 0-${UNIT - 1}/${UNIT}`, content(UNIT - 1))).status,
    ).toBe(400)
  })

  it('keeps whole units of 256 KiB of a body that broke off', async () => {
    const data = content(8 * UNIT)
    const { location } = await openSession(data.length)
    const abort = new AbortController()
    const sent = 3 * UNIT + 1000
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(data.subarray(0, sent))
        setTimeout(() => abort.abort(), 100)
      },
    })

    await expect(
      fetch(location, {
        method: 'PUT',
        body,
        duplex: 'half',
        signal: abort.signal,
        headers: {
          'content-range': `bytes 0-${data.length - 1}/${data.length}`,
          'content-length': String(data.length),
        },
      } as RequestInit),
    ).rejects.toThrow()
    const status = await putRange(location, `bytes */${data.length}`)
    const rest = await putRange(
      location,
      `bytes ${3 * UNIT}-${data.length - 1}/${data.length}`,
      data.subarray(3 * UNIT),
    )

    expect(status.headers.get('range')).toBe(`bytes=0-${3 * UNIT - 1}`)
    expect(rest.json.sha256Checksum).toBe(digest('sha256', data))
  })

  it('lets a new request take over from one that hangs', async () => {
    const data = content(4 * UNIT)
    const { location } = await openSession(data.length)
    const hanging = fetch(location, {
      method: 'PUT',
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(data.subarray(0, UNIT))
        },
      }),
      duplex: 'half',
      headers: {
        'content-range': `bytes 0-${data.length - 1}/${data.length}`,
        'content-length': String(data.length),
      },
    } as RequestInit)
    const lost = expect(hanging).rejects.toThrow()
    await new Promise((resolve) => setTimeout(resolve, 100))

    const status = await putRange(location, `bytes */${data.length}`)

    await lost
    expect(status.status).toBe(308)
    expect(status.headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
  })
})

describe('asking for the status', () => {
  it.each(['bytes */524288', 'bytes */*'])(
    'answers %s without a Range while nothing is stored',
    async (range) => {
      const { location } = await openSession(2 * UNIT)

      const reply = await putRange(location, range)

      expect(reply.status).toBe(308)
      expect(reply.headers.get('range')).toBeNull()
    },
  )

  it('repeats the file once the session is finished, whatever is sent', async () => {
    const data = content(1000)
    const { location, drive } = await openSession(data.length)
    const done = await putRange(location, `bytes 0-999/1000`, data)

    const status = await putRange(location, 'bytes */1000')
    const again = await putRange(location, 'bytes 0-999/1000', data)

    expect(status.status).toBe(200)
    expect(status.json).toEqual(done.json)
    expect(again.json).toEqual(done.json)
    expect(await drive.list("name = 'a.bin'")).toHaveLength(1)
  })

  it('answers 404 for an unknown session and after one week', async () => {
    const { fixture, location } = await openSession(2 * UNIT)
    const unknown = location.replace(/upload_id=.*/, 'upload_id=unknown')

    fixture.clock.advance(WEEK_SECONDS - 60)
    expect((await putRange(location, `bytes */${2 * UNIT}`)).status).toBe(308)
    fixture.clock.advance(61)
    expect((await putRange(location, `bytes */${2 * UNIT}`)).status).toBe(404)
    expect((await putRange(unknown, `bytes */${2 * UNIT}`)).status).toBe(404)
  })
})
