import { describe, expect, it } from 'vitest'
import { contentHash } from '../../../../web/portal/upload/content-hash.ts'
import { createFileHasher } from '../../../../web/portal/upload/file-hasher.ts'
import { memoryHandOverStore } from '../../../../web/portal/upload/hand-over-store.ts'
import { NetworkError } from '../../../../web/portal/upload/http.ts'
import { FakePortal, INTENT, reply, S3 } from './fake-portal.ts'
import { alone, MIB, makeFile, sha256 } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('sending a part', () => {
  it('brings an empty file with one PUT', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('empty.txt', 0)))

    uploader.start({})
    await untilReceived(uploader)

    expect(uploader.totals.fraction).toBe(1)
    expect(portal.calls('PUT', S3).map((call) => call.body)).toEqual([0])
    expect(portal.upload('empty.txt').object?.size).toBe(0)
  })

  it('sends exactly the headers of the signed request, and a body without a type of its own', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('small.pdf', 100), makeFile('large.pdf', 17 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    const puts = portal.calls('PUT', S3)
    expect(puts.map((put) => put.bodyType)).toEqual(['', '', '', ''])
    expect(puts.filter((put) => put.headers['if-none-match'] === '*').length).toBe(1)
    expect(puts.filter((put) => Object.keys(put.headers).length === 0).length).toBe(3)
  })

  it('brings every byte in its place and the content hash with it', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader(memoryHandOverStore(), createFileHasher())
    const file = makeFile('film.mov', 25 * MIB + 5)
    uploader.add(alone(file))

    uploader.start({})
    await untilReceived(uploader)

    const { object, contentHash: hash, plan } = portal.upload('film.mov')
    expect(plan.partCount).toBe(4)
    expect(await sha256(object)).toBe(await sha256(file))
    expect(hash).toBe(await contentHash(file))
  })

  it('uses the URLs of the announcement first and signs the others in batches', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 100 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    const signed = portal
      .calls('POST', /parts$/)
      .flatMap((call) => (call.body as { partNumbers: number[] }).partNumbers)
    expect(signed.toSorted((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13])
    expect(portal.calls('POST', /parts$/).length).toBeLessThan(signed.length)
  })

  it('signs again when S3 refuses a URL', async () => {
    const portal = new FakePortal()
    let refusals = 2
    portal.intercepts = [
      ({ method }) =>
        method === 'PUT' && refusals-- > 0 ? reply(403, '<Code>AccessDenied</Code>') : undefined,
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 100), makeFile('b.mov', 17 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.calls('POST', /parts$/).length).toBe(2)
  })

  it('does not use a URL that is about to end', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 100)))
    portal.intercepts = [
      ({ url }) => {
        if (INTENT.test(url)) setImmediate(() => uploader.pause())
        return undefined
      },
    ]
    uploader.start({})
    await until(uploader, () => uploader.state === 'paused' && portal.uploads.size === 1)
    portal.intercepts = []

    portal.now += 14 * 60_000
    uploader.resume()
    await untilReceived(uploader)

    expect(portal.calls('POST', /parts$/).length).toBe(1)
    expect(portal.upload('a.pdf').puts).toBe(1)
  })

  it('repeats a part whose connection broke', async () => {
    const portal = new FakePortal()
    let breaks = 3
    portal.intercepts = [
      ({ method }) => {
        if (method === 'PUT' && breaks-- > 0) throw new NetworkError('reset')
        return undefined
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 30 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.upload('film.mov').puts).toBe(4)
  })

  it('takes an object that is there already for its own lost answer', async () => {
    const portal = new FakePortal()
    let isFirst = true
    portal.intercepts = [
      (request) => {
        if (request.method !== 'PUT' || !isFirst) return undefined
        isFirst = false
        const upload = portal.upload('a.pdf')
        upload.object = request.body as Blob
        upload.parts.set(1, { bytes: upload.object, etag: '"x"' })
        throw new NetworkError('reset after the last byte')
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 100)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.uploads.size).toBe(1)
  })

  it('says that a file can no longer be read', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    const file = makeFile('gone.pdf', 100)
    const unreadable = new Blob([])
    unreadable.slice = () => unreadable
    unreadable.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'))
    file.slice = () => unreadable
    uploader.add(alone(file))

    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'failed')

    expect(uploader.items[0]?.failure?.reason).toBe('UNREADABLE')
    expect(portal.calls('PUT', S3)).toEqual([])
  })
})
