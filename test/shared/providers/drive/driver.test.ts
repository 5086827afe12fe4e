import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDriveProvider } from '../../../../shared/providers/drive/driver.ts'
import { BodyLengthError } from '../../../../shared/providers/exact-body.ts'
import type { ReservingProvider, UploadTarget } from '../../../../shared/providers/provider.ts'
import {
  type FakeDriveServer,
  refusal,
  replies,
  repliesEarly,
  resetsAfter,
  startFakeDriveServer,
} from './fake-drive-server.ts'

const KIB = 1024
const MIB = 1024 * KIB
const AUTH = { accessToken: 'ya29.token' }
const DRIVE_FILE = {
  id: 'id-1',
  name: 'a.pdf',
  size: '600000',
  trashed: false,
  webViewLink: 'https://drive.google.com/file/d/id-1/view',
  md5Checksum: 'D41D8CD98F00B204E9800998ECF8427E',
  sha256Checksum: 'ab'.repeat(32),
}
const FILE = {
  id: 'id-1',
  name: 'a.pdf',
  sizeBytes: 600_000,
  trashed: false,
  webUrl: 'https://drive.google.com/file/d/id-1/view',
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  sha256: 'ab'.repeat(32),
}

let server: FakeDriveServer
let drive: ReservingProvider

beforeEach(async () => {
  server = await startFakeDriveServer()
  drive = createDriveProvider({ apiUrl: server.url })
})

afterEach(async () => {
  expect(server.answers, 'every prepared answer was asked for').toHaveLength(0)
  await server.close()
})

function makeTarget(overrides: Partial<UploadTarget> = {}): UploadTarget {
  return {
    fileId: 'id-1',
    folderId: 'folder-1',
    name: 'a.pdf',
    sizeBytes: 600_000,
    mimeType: 'application/pdf',
    ...overrides,
  }
}

function makeChunk(offsetBytes: number, sizeBytes: number) {
  return { offsetBytes, sizeBytes, body: Readable.from([Buffer.alloc(sizeBytes, 7)]) }
}

const sessionUri = () => `${server.url}/upload/drive/v3/files?uploadType=resumable&upload_id=s1`

describe('every request', () => {
  it('carries the token in a header and asks for shared drives', async () => {
    server.answers.push(replies(200, DRIVE_FILE))

    await drive.findFile(AUTH, 'id-1')

    const [request] = server.requests
    expect(request?.headers.authorization).toBe('Bearer ya29.token')
    expect(request?.url.searchParams.get('supportsAllDrives')).toBe('true')
    expect(request?.url.search).not.toContain('ya29')
  })

  it('is sent once, whatever the answer', async () => {
    server.answers.push(replies(503, '<html>Service Unavailable</html>'))

    await expect(drive.findFile(AUTH, 'id-1')).rejects.toMatchObject({ reason: 'UNAVAILABLE' })

    expect(server.requests).toHaveLength(1)
  })

  it('says NETWORK when the connection breaks, without the token in what can be logged', async () => {
    server.answers.push(resetsAfter(0))

    const failure = await drive.findFile(AUTH, 'id-1').catch((error: unknown) => error)

    expect(failure).toMatchObject({ code: 'RETRY_LATER', reason: 'NETWORK' })
    expect(deepText(failure)).not.toContain('ya29')
  })

  it('throws the reason of the caller who aborts', async () => {
    const reason = new Error('out of time')

    const call = drive.findFile(AUTH, 'id-1', AbortSignal.abort(reason))

    await expect(call).rejects.toBe(reason)
  })

  it('follows no redirection', async () => {
    server.answers.push(replies(302, '', { location: 'http://127.0.0.1:1/steal' }))

    await expect(drive.findFile(AUTH, 'id-1')).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  })
})

describe('findFile', () => {
  it('reads sizes as numbers and hashes in lower case', async () => {
    server.answers.push(replies(200, DRIVE_FILE))

    expect(await drive.findFile(AUTH, 'id-1')).toEqual(FILE)
    expect(server.requests[0]?.url.searchParams.get('fields')).toContain('sha256Checksum')
  })

  it('finds nothing where Drive says 404', async () => {
    server.answers.push(replies(404, refusal(404, 'notFound')))

    expect(await drive.findFile(AUTH, 'id-1')).toBeUndefined()
  })

  it('asks for another try when a success is not what Drive documents', async () => {
    server.answers.push(replies(200, '<html>Welcome to the hotel network</html>'))

    await expect(drive.findFile(AUTH, 'id-1')).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  })
})

describe('reserveIds', () => {
  it('returns as many ids as were asked for', async () => {
    server.answers.push(replies(200, { kind: 'drive#generatedIds', ids: ['a', 'b'] }))

    expect(await drive.reserveIds(AUTH, 2)).toEqual(['a', 'b'])
    expect(server.requests[0]?.url.pathname).toBe('/drive/v3/files/generateIds')
    expect(server.requests[0]?.url.searchParams.get('count')).toBe('2')
  })

  it('does not take fewer', async () => {
    server.answers.push(replies(200, { ids: ['a'] }))

    await expect(drive.reserveIds(AUTH, 2)).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  })
})

describe('ensureFolder', () => {
  const folder = { folderId: 'f-1', name: 'Portage', parentId: 'top' }

  it('creates it under the reserved id', async () => {
    server.answers.push(replies(200, { id: 'f-1' }))

    await drive.ensureFolder(AUTH, folder)

    expect(JSON.parse(String(server.requests[0]?.body))).toEqual({
      id: 'f-1',
      name: 'Portage',
      mimeType: 'application/vnd.google-apps.folder',
      parents: ['top'],
    })
  })

  it('is content when it exists already', async () => {
    server.answers.push(
      replies(409, refusal(409, 'fileIdInUse')),
      replies(200, { id: 'f-1', name: 'Portage', trashed: false }),
    )

    await expect(drive.ensureFolder(AUTH, folder)).resolves.toBeUndefined()
  })

  it('says FOLDER_GONE when it lies in the trash or was deleted', async () => {
    server.answers.push(
      replies(409, refusal(409, 'fileIdInUse')),
      replies(200, { id: 'f-1', name: 'Portage', trashed: true }),
      replies(409, refusal(409, 'fileIdInUse')),
      replies(404, refusal(404, 'notFound')),
    )

    for (const _ of ['trashed', 'deleted']) {
      await expect(drive.ensureFolder(AUTH, folder)).rejects.toMatchObject({
        code: 'REJECTED',
        reason: 'FOLDER_GONE',
      })
    }
  })

  it('says PARENT_GONE when its parent is missing', async () => {
    server.answers.push(replies(404, refusal(404, 'notFound', 'File not found: top.')))

    await expect(drive.ensureFolder(AUTH, folder)).rejects.toMatchObject({ reason: 'PARENT_GONE' })
  })
})

describe('uploadWhole', () => {
  it('sends metadata and bytes as one multipart request of known length', async () => {
    server.answers.push(replies(200, { ...DRIVE_FILE, size: '5' }))

    await drive.uploadWhole(AUTH, makeTarget({ sizeBytes: 5 }), Buffer.from('hello'))

    const [request] = server.requests
    expect(request?.headers['content-length']).toBe(String(request?.body.byteLength))
    expect(request?.headers['transfer-encoding']).toBeUndefined()
    const boundary = /^multipart\/related; boundary=(.+)$/.exec(
      request?.headers['content-type'] ?? '',
    )?.[1]
    expect(String(request?.body)).toBe(
      `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n` +
        '{"id":"id-1","name":"a.pdf","mimeType":"application/pdf","parents":["folder-1"]}\r\n' +
        `--${boundary}\r\nContent-Type: application/pdf\r\n\r\nhello\r\n--${boundary}--\r\n`,
    )
  })

  it('sends an empty file', async () => {
    server.answers.push(replies(200, { ...DRIVE_FILE, size: '0' }))

    const file = await drive.uploadWhole(AUTH, makeTarget({ sizeBytes: 0 }), new Uint8Array())

    expect(file.sizeBytes).toBe(0)
  })

  it('returns what stands under the id when Drive says that it is taken', async () => {
    server.answers.push(replies(409, refusal(409, 'fileIdInUse')), replies(200, DRIVE_FILE))

    const file = await drive.uploadWhole(AUTH, makeTarget({ sizeBytes: 1 }), Buffer.from('x'))

    expect(file).toEqual(FILE)
  })

  it('says ID_UNUSABLE when the id is taken by something that was deleted for good', async () => {
    server.answers.push(
      replies(409, refusal(409, 'fileIdInUse')),
      replies(404, refusal(404, 'notFound')),
    )

    const call = drive.uploadWhole(AUTH, makeTarget({ sizeBytes: 1 }), Buffer.from('x'))

    await expect(call).rejects.toMatchObject({ reason: 'ID_UNUSABLE' })
  })

  it.each([
    'application/vnd.google-apps.folder',
    'application/vnd.google-apps.document',
    'text/html\r\nX-Injected: 1',
    '',
  ])('does not let the declared type %j become anything but a type of bytes', async (mimeType) => {
    server.answers.push(replies(200, DRIVE_FILE))

    await drive.uploadWhole(AUTH, makeTarget({ sizeBytes: 1, mimeType }), Buffer.from('x'))

    const body = String(server.requests[0]?.body)
    expect(body).toContain('"mimeType":"application/octet-stream"')
    expect(body).not.toMatch(/google-apps|X-Injected/)
  })
})

describe('openSession', () => {
  it('announces type and length and returns the address', async () => {
    server.answers.push(replies(200, '', { location: sessionUri() }))

    const session = await drive.openSession(AUTH, makeTarget())

    expect(session).toEqual({ sessionUri: sessionUri() })
    const [request] = server.requests
    expect(request?.headers['x-upload-content-length']).toBe('600000')
    expect(request?.headers['x-upload-content-type']).toBe('application/pdf')
    expect(request?.url.searchParams.get('fields')).toContain('md5Checksum')
    expect(JSON.parse(String(request?.body))).toMatchObject({ id: 'id-1', parents: ['folder-1'] })
  })

  it('returns the file when the id is already taken', async () => {
    server.answers.push(replies(409, refusal(409, 'fileIdInUse')), replies(200, DRIVE_FILE))

    expect(await drive.openSession(AUTH, makeTarget())).toEqual({ file: FILE })
  })

  it('says PARENT_GONE when the folder is missing', async () => {
    server.answers.push(replies(404, refusal(404, 'notFound', 'File not found: folder-1.')))

    const call = drive.openSession(AUTH, makeTarget())

    await expect(call).rejects.toMatchObject({ reason: 'PARENT_GONE' })
  })

  it.each(['https://evil.example/upload', 'http://127.0.0.1:1/upload', '//evil.example/upload'])(
    'refuses the address %s outside the API, and no token goes there',
    async (location) => {
      server.answers.push(replies(200, '', { location }))

      const call = drive.openSession(AUTH, makeTarget())

      await expect(call).rejects.toMatchObject({ reason: 'FOREIGN_URL' })
      const chunk = makeChunk(0, 600_000)
      await expect(drive.sendChunk(AUTH, location, makeTarget(), chunk)).rejects.toMatchObject({
        reason: 'FOREIGN_URL',
      })
      await expect(drive.sessionProgress(AUTH, location, makeTarget())).rejects.toMatchObject({
        reason: 'FOREIGN_URL',
      })
    },
  )
})

describe('sessionProgress', () => {
  it('asks with an empty body and the unit in Content-Range', async () => {
    server.answers.push(replies(308, '', { range: 'bytes=0-262143' }))

    const progress = await drive.sessionProgress(AUTH, sessionUri(), makeTarget())

    expect(progress).toEqual({ state: 'partial', offsetBytes: 262_144 })
    const [request] = server.requests
    expect(request?.method).toBe('PUT')
    expect(request?.headers['content-length']).toBe('0')
    expect(request?.headers['content-range']).toBe('bytes */600000')
  })

  it('takes a 308 without Range as nothing stored', async () => {
    server.answers.push(replies(308))

    const progress = await drive.sessionProgress(AUTH, sessionUri(), makeTarget())

    expect(progress).toEqual({ state: 'partial', offsetBytes: 0 })
  })

  it.each(['bytes=5-10', 'bytes 0-10/20', 'bytes=0-600000', 'all of it'])(
    'concludes nothing from the range %j',
    async (range) => {
      server.answers.push(replies(308, '', { range }))

      const call = drive.sessionProgress(AUTH, sessionUri(), makeTarget())

      await expect(call).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    },
  )

  it('finds the file when the session has ended', async () => {
    server.answers.push(replies(201, DRIVE_FILE))

    const progress = await drive.sessionProgress(AUTH, sessionUri(), makeTarget())

    expect(progress).toEqual({ state: 'complete', file: FILE })
  })

  it.each([404, 410, 400])('says SessionLost at %i', async (status) => {
    server.answers.push(replies(status, 'Not Found'))

    const call = drive.sessionProgress(AUTH, sessionUri(), makeTarget())

    await expect(call).rejects.toMatchObject({ code: 'SESSION_LOST' })
  })
})

describe('sendChunk', () => {
  const target = makeTarget({ sizeBytes: 2 * MIB })

  it('sends the range with its length', async () => {
    server.answers.push(replies(308, '', { range: 'bytes=0-1048575' }))

    await drive.sendChunk(AUTH, sessionUri(), target, makeChunk(0, MIB))

    const [request] = server.requests
    expect(request?.headers['content-range']).toBe('bytes 0-1048575/2097152')
    expect(request?.headers['content-length']).toBe('1048576')
    expect(request?.body.byteLength).toBe(MIB)
  })

  it.each([
    ['behind the chunk', 512 * KIB],
    ['at its start', MIB],
    ['inside it', MIB + 256 * KIB],
    ['at its end', MIB + 512 * KIB],
    ['ahead of it', MIB + 768 * KIB],
  ])('believes a provider that stands %s', async (_case, offsetBytes) => {
    server.answers.push(replies(308, '', { range: `bytes=0-${offsetBytes - 1}` }))

    const progress = await drive.sendChunk(AUTH, sessionUri(), target, makeChunk(MIB, 512 * KIB))

    expect(progress).toEqual({ state: 'partial', offsetBytes })
  })

  it('does not believe that more was stored than the file has', async () => {
    server.answers.push(replies(308, '', { range: `bytes=0-${2 * MIB}` }))

    const call = drive.sendChunk(AUTH, sessionUri(), target, makeChunk(MIB, MIB))

    await expect(call).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  })

  it('reports nothing stored at a 308 without Range', async () => {
    server.answers.push(replies(308))

    const progress = await drive.sendChunk(AUTH, sessionUri(), target, makeChunk(0, MIB))

    expect(progress).toEqual({ state: 'partial', offsetBytes: 0 })
  })

  it('ends with the file', async () => {
    server.answers.push(replies(200, DRIVE_FILE))

    const progress = await drive.sendChunk(AUTH, sessionUri(), target, makeChunk(MIB, MIB))

    expect(progress).toEqual({ state: 'complete', file: FILE })
  })

  it('looks the file up when Drive says at the end that the id is taken', async () => {
    server.answers.push(replies(409, refusal(409, 'fileIdInUse')), replies(200, DRIVE_FILE))

    const progress = await drive.sendChunk(AUTH, sessionUri(), target, makeChunk(MIB, MIB))

    expect(progress).toEqual({ state: 'complete', file: FILE })
  })

  it.each([
    ['a lost session', 404, 'Not Found', { code: 'SESSION_LOST' }],
    ['a dead session', 410, '', { code: 'SESSION_LOST' }],
    ['a refused token', 401, refusal(401, 'authError'), { tokenRejected: true }],
    ['a rate limit', 429, refusal(429, 'rateLimitExceeded'), { reason: 'RATE_LIMITED' }],
    ['full storage', 403, refusal(403, 'storageQuotaExceeded'), { code: 'QUOTA_FULL' }],
    ['an answer lost by 503', 503, '<html>503</html>', { reason: 'UNAVAILABLE' }],
  ])('tells %s', async (_case, status, body, word) => {
    server.answers.push(replies(status, body))

    const call = drive.sendChunk(AUTH, sessionUri(), target, makeChunk(0, MIB))

    await expect(call).rejects.toMatchObject(word)
  })

  it('says NETWORK when the connection is reset in the middle, and lets the source go', async () => {
    server.answers.push(resetsAfter(64 * KIB))
    const chunk = { ...makeChunk(0, 16 * MIB), body: pieces(16 * MIB) }

    const call = drive.sendChunk(AUTH, sessionUri(), makeTarget({ sizeBytes: 16 * MIB }), chunk)

    await expect(call).rejects.toMatchObject({ reason: 'NETWORK' })
    expect(chunk.body.destroyed).toBe(true)
  })

  it('lets the source go when nobody listens', async () => {
    const body = pieces(MIB)
    await server.close()

    const call = drive.sendChunk(AUTH, sessionUri(), target, {
      offsetBytes: 0,
      sizeBytes: MIB,
      body,
    })

    await expect(call).rejects.toMatchObject({ reason: 'NETWORK' })
    expect(body.destroyed).toBe(true)
  })

  it('fails when Drive refuses before it has read the bytes', async () => {
    server.answers.push(repliesEarly(401, refusal(401, 'authError')))
    const body = pieces(16 * MIB)

    const call = drive.sendChunk(AUTH, sessionUri(), makeTarget({ sizeBytes: 16 * MIB }), {
      offsetBytes: 0,
      sizeBytes: 16 * MIB,
      body,
    })

    // A server that hangs up while we still send may lose its own answer on the way.
    const failure = await call.catch((error: unknown) => error)
    expect(failure).toSatisfy(
      (error: { tokenRejected?: boolean; reason?: string }) =>
        error.tokenRejected === true || error.reason === 'NETWORK',
    )
    expect(body.destroyed).toBe(true)
  })

  it("throws the source's own error when reading fails", async () => {
    const lost = new Error('S3 went away')
    async function* broken() {
      yield Buffer.alloc(64 * KIB)
      throw lost
    }

    const call = drive.sendChunk(AUTH, sessionUri(), target, {
      offsetBytes: 0,
      sizeBytes: MIB,
      body: broken(),
    })

    await expect(call).rejects.toBe(lost)
  })

  it.each([
    ['short', MIB - 1],
    ['long', MIB + 1],
  ])(
    'refuses a body that is too %s and never lets Drive have it whole',
    async (_case, sizeBytes) => {
      const call = drive.sendChunk(AUTH, sessionUri(), target, {
        offsetBytes: 0,
        sizeBytes: MIB,
        body: pieces(sizeBytes),
      })

      await expect(call).rejects.toBeInstanceOf(BodyLengthError)
      await server.close()
      for (const { body } of server.requests) expect(body.byteLength).toBeLessThan(MIB)
    },
  )

  it.each([
    ['not a multiple of 256 KiB before the end', 0, 100_000],
    ['past the end', MIB, 2 * MIB],
    ['empty', 0, 0],
  ])('sends no chunk that is %s', async (_case, offsetBytes, sizeBytes) => {
    const call = drive.sendChunk(AUTH, sessionUri(), target, makeChunk(offsetBytes, sizeBytes))

    await expect(call).rejects.toBeInstanceOf(RangeError)
    expect(server.requests).toHaveLength(0)
  })
})

describe('download', () => {
  it('streams the file', async () => {
    server.answers.push(
      replies(200, 'hello', { 'content-length': '5', 'content-type': 'text/plain' }),
    )

    const { body, sizeBytes, mimeType } = await drive.download(AUTH, 'id-1')

    expect({ sizeBytes, mimeType }).toEqual({ sizeBytes: 5, mimeType: 'text/plain' })
    expect(await new Response(body).text()).toBe('hello')
    expect(server.requests[0]?.url.searchParams.get('alt')).toBe('media')
  })

  it('asks for a range by its first and last byte', async () => {
    server.answers.push(replies(206, 'ell', { 'content-length': '3' }))

    await drive.download(AUTH, 'id-1', { offsetBytes: 1, sizeBytes: 3 })

    expect(server.requests[0]?.headers.range).toBe('bytes=1-3')
  })

  it('does not take the whole file for the range', async () => {
    server.answers.push(replies(200, 'hello', { 'content-length': '5' }))

    const call = drive.download(AUTH, 'id-1', { offsetBytes: 1, sizeBytes: 3 })

    await expect(call).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
  })

  it('says NOT_FOUND', async () => {
    server.answers.push(replies(404, refusal(404, 'notFound')))

    await expect(drive.download(AUTH, 'id-1')).rejects.toMatchObject({ reason: 'NOT_FOUND' })
  })
})

describe('deleteFile', () => {
  it.each([
    [204, '', 'deleted'],
    [404, refusal(404, 'notFound'), 'already-gone'],
  ])('takes %i as done', async (status, body, outcome) => {
    server.answers.push(replies(status, body))

    expect(await drive.deleteFile(AUTH, 'id-1')).toBe(outcome)
    expect(server.requests[0]?.method).toBe('DELETE')
  })
})

describe('quota', () => {
  it('reads bytes from strings', async () => {
    server.answers.push(replies(200, { storageQuota: { limit: '16106127360', usage: '42' } }))

    expect(await drive.quota(AUTH)).toEqual({ usedBytes: 42, totalBytes: 16_106_127_360 })
  })

  it('has no total where Drive has no limit', async () => {
    server.answers.push(replies(200, { storageQuota: { usage: '42' } }))

    expect(await drive.quota(AUTH)).toEqual({ usedBytes: 42 })
  })
})

/** Small pieces, so that a stream is still under way when something happens to it. */
function pieces(sizeBytes: number): Readable {
  const piece = Buffer.alloc(64 * KIB, 7)
  return Readable.from(
    (function* () {
      for (let left = sizeBytes; left > 0; left -= piece.byteLength) yield piece.subarray(0, left)
    })(),
  )
}

/** Everything that a logger could find in an error. */
function deepText(value: unknown, depth = 6): string {
  if (depth === 0 || typeof value !== 'object' || value === null) return String(value)
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)}=${deepText(Reflect.get(value, key), depth - 1)}`)
    .join(';')
}
