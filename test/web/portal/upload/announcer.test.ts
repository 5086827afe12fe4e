import { describe, expect, it } from 'vitest'
import { FakePortal, INTENT, problem, reply } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('announcing', () => {
  it('names at most fifty files at a time and adds the next to the same hand-over', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(...Array.from({ length: 120 }, (_, n) => makeFile(`${n}.pdf`, n))))

    uploader.start({ clientName: 'Ada' })
    await untilReceived(uploader)

    const intents = portal.calls('POST', INTENT)
    const bodies = intents.map((call) => call.body as { files: unknown[]; submissionId?: string })
    expect(bodies.map((body) => body.files.length)).toEqual([50, 50, 20])
    expect(bodies.map((body) => body.submissionId !== undefined)).toEqual([false, true, true])
    expect(intents[0]?.headers['authorization']).toBeUndefined()
    expect(intents[1]?.headers['authorization']).toMatch(/^Bearer write-/)
    expect(bodies[0]).toMatchObject({ clientName: 'Ada' })
    expect(new Set([...portal.uploads.values()].map((upload) => upload.submissionId)).size).toBe(1)
  })

  it('announces large files shortly before they are sent, for reservations end', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    const large = Array.from({ length: 6 }, (_, n) => makeFile(`${n}.mov`, 33 * MIB))
    uploader.add(alone(...large))

    uploader.start({})
    await until(uploader, () => portal.calls('POST', INTENT).length === 1)
    const [first] = portal.calls('POST', INTENT)
    expect(first?.body).toMatchObject({ files: [{ fileName: '0.mov' }, { fileName: '1.mov' }] })
    expect(portal.uploads.size).toBe(2)

    await untilReceived(uploader)
    expect(portal.uploads.size).toBe(6)
  })

  it('adds files while others are being sent', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('first.pdf', 100)))
    uploader.start({})
    await until(uploader, () => portal.calls('POST', INTENT).length === 1)

    uploader.add(alone(makeFile('second.pdf', 100)))
    await untilReceived(uploader)

    expect(portal.upload('second.pdf').submissionId).toBe(portal.upload('first.pdf').submissionId)
  })

  it('announces each file once more when the hand-over ends during an announcement', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    let announcements = 0
    portal.intercepts = [
      async ({ method, url }) => {
        if (method === 'PUT' && announcements === 2) return reply(403, '<Code>AccessDenied</Code>')
        if (!INTENT.test(url) || ++announcements !== 2) return undefined
        portal.liveTokens.clear()
        await until(uploader, () => portal.calls('POST', /parts$/).length > 0)
        await until(uploader, () => !phases(uploader).includes('sending'))
        return undefined
      },
    ]
    uploader.add(alone(...Array.from({ length: 60 }, (_, n) => makeFile(`${n}.pdf`, 10))))

    uploader.start({})
    await untilReceived(uploader)

    expect(uploader.obstacle).toBeUndefined()
    const uploads = [...portal.uploads.values()]
    expect(new Set(uploads.map((each) => each.submissionId)).size).toBe(2)
    const announced = uploads.map((each) => `${each.submissionId} ${each.fileName}`)
    expect(new Set(announced).size).toBe(announced.length)
    expect(uploads.filter((each) => each.object).length).toBe(60)
  })

  it('fails only the files that the server names', async () => {
    const portal = new FakePortal()
    portal.intercepts = [
      ({ body }) =>
        typeof body === 'string' && body.includes('odd')
          ? problem(400, 'INVALID_REQUEST', [{ field: 'files.1.relativePath', message: 'is odd' }])
          : undefined,
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 1), makeFile('odd.pdf', 1), makeFile('c.pdf', 1)))

    uploader.start({})
    await until(uploader, () => phases(uploader).join() === 'received,failed,received')

    expect(uploader.items[1]?.failure).toEqual({ reason: 'REFUSED', detail: 'is odd' })
  })
})
