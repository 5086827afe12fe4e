import { describe, expect, it } from 'vitest'
import { PARALLEL_REQUESTS } from '../../../../web/portal/upload/scheduler.ts'
import { FakePortal, INTENT } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { untilReceived } from './until.ts'

describe('sharing the connections', () => {
  it('gives all its requests to one large file, and never more', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 70 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.mostPutsAtOnce).toBe(PARALLEL_REQUESTS)
  })

  it('lets small files pass beside a large one', async () => {
    const portal = new FakePortal()
    const arrived: string[] = []
    portal.intercepts = [
      ({ method, url }) => {
        const upload = portal.uploads.get(url.split('/')[3] ?? '')
        if (method === 'PUT' && upload) arrived.push(upload.fileName)
        return undefined
      },
    ]
    const uploader = portal.uploader()
    const small = Array.from({ length: 20 }, (_, n) => makeFile(`${n}.pdf`, 10))
    uploader.add(alone(makeFile('film.mov', 60 * MIB), ...small))

    uploader.start({})
    await untilReceived(uploader)

    // While small ones wait the large one keeps one connection; after them it has all.
    const lastSmall = arrived.findLastIndex((name) => name.endsWith('.pdf'))
    const largeBefore = arrived.slice(0, lastSmall).filter((name) => name === 'film.mov').length
    expect(arrived.filter((name) => name === 'film.mov').length).toBe(8)
    expect(largeBefore).toBeGreaterThan(0)
    expect(largeBefore).toBeLessThan(8)
    expect(portal.mostPutsAtOnce).toBeLessThanOrEqual(PARALLEL_REQUESTS)
  })

  it('brings thousands of files', async () => {
    const portal = new FakePortal()
    portal.isLookedAt = false
    const uploader = portal.uploader()
    const file = makeFile('x', 1)
    uploader.add(Array.from({ length: 2_000 }, (_, n) => ({ file, relativePath: `folder/${n}/x` })))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.calls('POST', INTENT).length).toBe(40)
    expect([...portal.uploads.values()].every((upload) => upload.puts === 1)).toBe(true)
    expect(portal.calls('POST', /complete$/).length).toBeLessThan(1_000)
  }, 20_000)
})
