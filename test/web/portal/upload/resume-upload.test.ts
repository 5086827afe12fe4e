import { describe, expect, it } from 'vitest'
import { memoryHandOverStore } from '../../../../web/portal/upload/hand-over-store.ts'
import { FakePortal, INTENT, S3 } from './fake-portal.ts'
import { alone, MIB, makeFile, sha256 } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('after a reload', () => {
  async function interrupted() {
    const portal = new FakePortal()
    const store = memoryHandOverStore()
    const before = portal.uploader(store)
    const film = makeFile('film.mov', 40 * MIB)
    const note = makeFile('note.pdf', 10)
    portal.intercepts = [
      ({ method, url }) => {
        if (method === 'PUT' && Number(url.split('/')[4]) > 3) before.pause()
        return undefined
      },
    ]
    before.add(alone(note, film))
    before.start({ clientName: 'Ada' })
    await until(before, () => phases(before).join() === 'received,waiting')
    portal.intercepts = []
    portal.seen.length = 0
    return { portal, store, film, note }
  }

  it('shows what was received and asks for what is unfinished', async () => {
    const { portal, store } = await interrupted()
    portal.upload('note.pdf').status = 'uploaded'
    const after = portal.uploader(store)

    await after.restore()

    expect(phases(after)).toEqual(['delivered', 'missing'])
    expect(after.items[0]?.destination).toBe('google_drive')
  })

  it('sends only the parts that S3 lacks, once the file is chosen again', async () => {
    const { portal, store, film, note } = await interrupted()
    const before = portal.upload('film.mov').puts
    const kept = portal.upload('film.mov').parts.size
    const after = portal.uploader(store)
    await after.restore()

    expect(after.add(alone(film, note))).toEqual({ added: 0, resumed: 1, repeated: 1, refused: 0 })
    await untilReceived(after)

    expect(kept).toBeGreaterThan(0)
    expect(portal.calls('GET', /parts$/).length).toBe(1)
    expect(portal.upload('film.mov').puts - before).toBe(5 - kept)
    expect(portal.uploads.size).toBe(2)
    expect(await sha256(portal.upload('film.mov').object)).toBe(await sha256(film))
    expect(portal.upload('film.mov').contentHash).toBe(`hash of ${film.size} bytes`)
  })

  it('does not take another file of the same name for it', async () => {
    const { portal, store } = await interrupted()
    const after = portal.uploader(store)
    await after.restore()

    const other = makeFile('film.mov', 10)
    expect(after.add(alone(other))).toEqual({ added: 1, resumed: 0, repeated: 0, refused: 0 })
    await until(after, () => phases(after).join() === 'received,missing,received')

    expect(portal.uploads.size).toBe(3)
  })

  it('sends nothing of a file that was received while the page was away', async () => {
    const { portal, store, film } = await interrupted()
    const upload = portal.upload('film.mov')
    const after = portal.uploader(store)
    await after.restore()
    upload.object = makeFile('', 40 * MIB)
    upload.status = 'delivering'

    after.add(alone(film))
    await untilReceived(after)

    expect(portal.calls('PUT', S3)).toEqual([])
    expect(portal.uploads.size).toBe(2)
  })

  it('completes what S3 has put together already', async () => {
    const { portal, store, film } = await interrupted()
    portal.upload('film.mov').object = makeFile('', 40 * MIB)
    const after = portal.uploader(store)
    await after.restore()

    after.add(alone(film))
    await untilReceived(after)

    expect(portal.calls('PUT', S3)).toEqual([])
  })

  it('starts a file again whose reservation ended', async () => {
    const { portal, store, film } = await interrupted()
    portal.upload('film.mov').status = 'expired'
    const after = portal.uploader(store)
    await after.restore()

    after.add(alone(film))
    await untilReceived(after)

    expect(portal.uploads.size).toBe(3)
    expect(portal.upload('film.mov').object?.size).toBe(40 * MIB)
  })

  it('goes on in a new hand-over, with the same details, when only the write token has ended', async () => {
    const { portal, store, film } = await interrupted()
    const after = portal.uploader(store)
    await after.restore()
    for (const token of [...portal.liveTokens]) {
      if (token.startsWith('write')) portal.liveTokens.delete(token)
    }

    after.add(alone(film))
    await untilReceived(after)

    const [intent] = portal.calls('POST', INTENT)
    expect(intent?.body).toMatchObject({ clientName: 'Ada' })
    expect(intent?.headers['authorization']).toBeUndefined()
    expect(portal.uploads.size).toBe(3)
  })

  it('begins clean when the hand-over no longer exists', async () => {
    const { portal, store } = await interrupted()
    portal.liveTokens.clear()
    const after = portal.uploader(store)

    await after.restore()

    expect(after.items).toEqual([])
    expect(after.state).toBe('collecting')
    expect(await store.load('prt_0000000000')).toBeUndefined()
  })

  it('forgets unfinished files on request', async () => {
    const { portal, store } = await interrupted()
    const after = portal.uploader(store)
    await after.restore()

    after.forgetMissing()
    await until(after, () => portal.upload('film.mov').status === 'deleted')

    expect(phases(after)).toEqual(['received'])
  })
})
