import { describe, expect, it } from 'vitest'
import { FakePortal } from './fake-portal.ts'
import { alone, makeFile } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('choosing files', () => {
  it('sends a file that is chosen twice once', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    const file = makeFile('a.pdf', 10)

    uploader.add(alone(file))
    expect(uploader.add(alone(file, makeFile('b.pdf', 10)))).toEqual({
      added: 1,
      resumed: 0,
      repeated: 1,
      refused: 0,
    })
    uploader.start({})
    await untilReceived(uploader)

    expect(portal.uploads.size).toBe(2)
  })

  it('refuses what the portal does not take before anything is sent, and sends the rest', async () => {
    const portal = new FakePortal()
    portal.limits = { maxFileBytes: 100, allowedTypes: ['.pdf'] }
    const uploader = portal.uploader()

    const result = uploader.add(
      alone(
        new File([], 'a\\b.pdf'),
        new File([], `${'x'.repeat(255)}.pdf`),
        makeFile('large.pdf', 101),
        makeFile('film.mov', 10),
        makeFile('LETTER.PDF', 100),
      ),
    )
    uploader.start({})
    await until(uploader, () => phases(uploader).at(-1) === 'received')

    expect(result).toEqual({ added: 1, resumed: 0, repeated: 0, refused: 4 })
    expect(uploader.items.map((item) => item.failure?.reason)).toEqual([
      'BAD_NAME',
      'BAD_NAME',
      'TOO_LARGE',
      'WRONG_TYPE',
      undefined,
    ])
    expect([...portal.uploads.values()].map((upload) => upload.fileName)).toEqual(['LETTER.PDF'])
    uploader.retryAll()
    expect(phases(uploader).filter((phase) => phase === 'failed').length).toBe(4)
  })

  it('obeys the limits that hold when a file is chosen', () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('first.mov', 10)))

    portal.limits = { maxFileBytes: 100, allowedTypes: ['image/*'] }
    uploader.add(alone(makeFile('second.mov', 10)))

    expect(phases(uploader)).toEqual(['waiting', 'failed'])
  })
})
