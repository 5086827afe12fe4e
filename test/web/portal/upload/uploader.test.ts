import { describe, expect, it } from 'vitest'
import { FakePortal } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('starting, pausing and cancelling', () => {
  it('sends nothing before it is started', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()

    uploader.add(alone(makeFile('a.pdf', 10)))
    await portal.clock.sleep(1)

    expect(portal.seen).toEqual([])
    expect(phases(uploader)).toEqual(['waiting'])
  })

  it('stops every request, keeps the parts that arrived and sends the others once', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    let puts = 0
    portal.intercepts = [
      async ({ method, signal }) => {
        if (method !== 'PUT') return undefined
        puts += 1
        if (puts === 4) uploader.pause()
        if (puts >= 4) signal?.throwIfAborted()
        return undefined
      },
    ]
    uploader.add(alone(makeFile('film.mov', 80 * MIB)))
    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'waiting' && puts >= 4)
    expect(portal.putsAtOnce).toBe(0)
    const kept = portal.upload('film.mov').parts.size
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(10)

    portal.intercepts = []
    uploader.resume()
    await untilReceived(uploader)

    expect(portal.upload('film.mov').puts).toBe(10)
    expect(portal.upload('film.mov').object?.size).toBe(80 * MIB)
  })

  it('cancels all that is not received', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('first.pdf', 10)))
    uploader.start({})
    await untilReceived(uploader)
    uploader.pause()
    uploader.add(alone(makeFile('second.pdf', 10), makeFile('third.pdf', 10)))

    uploader.cancelAll()
    uploader.resume()
    await portal.clock.sleep(1)

    expect(uploader.items.map((item) => item.name)).toEqual(['first.pdf'])
    expect(portal.uploads.size).toBe(1)
  })

  it('begins a new hand-over on request', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))
    uploader.start({})
    await untilReceived(uploader)

    uploader.startOver()
    uploader.add(alone(makeFile('a.pdf', 10)))
    expect(uploader.state).toBe('collecting')
    uploader.start({})
    await untilReceived(uploader)

    const submissions = [...portal.uploads.values()].map((upload) => upload.submissionId)
    expect(new Set(submissions).size).toBe(2)
  })
})
