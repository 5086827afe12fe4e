import { describe, expect, it } from 'vitest'
import { content, control, digest, related, signedIn } from './drive-client.ts'

describe('uploads in one request', () => {
  it('takes metadata and content together (multipart), with every checksum', async () => {
    const { drive } = await signedIn()
    const data = Buffer.concat([content(400_000), Buffer.from('\r\n--edg almost --edge\r\n')])

    const reply = await drive.upload({ name: 'Résumé – "ü" (1).pdf' }, data)

    expect(reply.json).toMatchObject({
      name: 'Résumé – "ü" (1).pdf',
      mimeType: 'text/plain',
      size: String(data.length),
      md5Checksum: digest('md5', data),
      sha1Checksum: digest('sha1', data),
      sha256Checksum: digest('sha256', data),
    })
  })

  it('takes an empty file, and content alone (media)', async () => {
    const { drive } = await signedIn()

    const empty = await drive.upload({ name: 'empty' }, Buffer.alloc(0))
    const media = await drive.call('POST', '/upload/drive/v3/files?uploadType=media&fields=*', {
      body: Buffer.from('hello'),
      headers: { 'content-type': 'text/x-hello' },
    })

    expect(empty.json).toMatchObject({ size: '0', md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e' })
    expect(media.json).toMatchObject({ name: 'Untitled', size: '5', mimeType: 'text/x-hello' })
  })

  it('replaces content and metadata by PATCH', async () => {
    const { drive } = await signedIn()
    const { id } = (await drive.upload({ name: 'a' }, Buffer.from('one'))).json

    const reply = await drive.call(
      'PATCH',
      `/upload/drive/v3/files/${id}?uploadType=multipart&fields=*`,
      {
        body: related({ name: 'b' }, Buffer.from('three')),
        headers: { 'content-type': 'multipart/related; boundary=edge' },
      },
    )

    expect(reply.json).toMatchObject({ id, name: 'b', size: '5' })
    expect(
      (await drive.call('GET', '/drive/v3/about?fields=storageQuota')).json.storageQuota.usage,
    ).toBe('5')
  })

  it.each([
    ['without an end', 'multipart/related; boundary=edge', '--edge\r\n\r\n{}\r\n--edge\r\n\r\nabc'],
    ['without a boundary', 'multipart/related', 'abc'],
    ['of another type', 'application/json', '{}'],
  ])('refuses a multipart body %s and keeps nothing', async (_, type, body) => {
    const { drive } = await signedIn()

    const reply = await drive.call('POST', '/upload/drive/v3/files?uploadType=multipart', {
      body,
      headers: { 'content-type': type },
    })

    expect(reply.status).toBe(400)
    expect(await drive.list('trashed = false')).toEqual([])
  })

  it('refuses a used id and a file without room', async () => {
    const { fixture, drive } = await signedIn()
    const id = await drive.reserveId()
    await drive.upload({ id }, Buffer.from('x'))
    await control(fixture, 'POST', 'accounts/owner@example.com/quota', { totalBytes: 10 })

    expect((await drive.upload({ id }, Buffer.from('y'))).status).toBe(409)
    expect((await drive.upload({}, content(10))).json.error.errors[0].reason).toBe(
      'storageQuotaExceeded',
    )
    expect((await drive.upload({}, content(9))).status).toBe(200)
  })
})

describe('files.get', () => {
  it('sends the content, whole or in ranges, as an attachment', async () => {
    const { drive } = await signedIn()
    const { id } = (
      await drive.upload({ name: 'a.html', mimeType: 'text/html' }, Buffer.from('0123456789'))
    ).json
    const get = (range?: string) =>
      drive.call('GET', `/drive/v3/files/${id}?alt=media`, range ? { headers: { range } } : {})

    const whole = await get()
    expect([whole.status, whole.text]).toEqual([200, '0123456789'])
    expect(whole.headers.get('content-type')).toBe('text/html')
    expect(whole.headers.get('content-disposition')).toBe('attachment')
    expect(whole.headers.get('x-content-type-options')).toBe('nosniff')
    for (const [range, text, contentRange] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
    ] as const) {
      const part = await get(range)
      expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
        206,
        text,
        contentRange,
      ])
    }
    const beyond = await get('bytes=10-')
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    expect((await get('lines=1-2')).status).toBe(200)
  })

  it('sends empty files and refuses folders', async () => {
    const { drive } = await signedIn()
    const empty = (await drive.create({ name: 'empty' })).json.id
    const folder = await drive.folder('folder')

    const reply = await drive.call('GET', `/drive/v3/files/${empty}?alt=media`)

    expect([reply.status, reply.text]).toEqual([200, ''])
    expect(
      (await drive.call('GET', `/drive/v3/files/${folder}?alt=media`)).json.error.errors[0].reason,
    ).toBe('fileNotDownloadable')
  })
})
