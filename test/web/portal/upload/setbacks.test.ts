import { describe, expect, it } from 'vitest'
import { NetworkError } from '../../../../web/portal/upload/http.ts'
import { FakePortal, INTENT, problem, reply } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('what the portal refuses', () => {
  it('says at the field what the server wants of the client, and sends once it is mended', async () => {
    const portal = new FakePortal()
    portal.intercepts = [
      ({ body }) =>
        typeof body === 'string' && !body.includes('ada@')
          ? problem(400, 'INVALID_REQUEST', [{ field: 'clientEmail', message: 'is required' }])
          : undefined,
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))

    uploader.start({})
    await until(uploader, () => uploader.fieldProblems.length > 0)
    expect(uploader.fieldProblems).toEqual([{ field: 'clientEmail', message: 'is required' }])
    expect(uploader.state).toBe('collecting')

    portal.intercepts = []
    uploader.start({ clientEmail: 'ada@example.com' })
    await untilReceived(uploader)
    expect(uploader.fieldProblems).toEqual([])
  })

  it('stops when the portal closes and goes on when it opens', async () => {
    const portal = new FakePortal()
    portal.intercepts = [
      ({ url }) => (INTENT.test(url) ? problem(409, 'PORTAL_CANNOT_ACCEPT_UPLOADS') : undefined),
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))

    uploader.start({})
    await until(uploader, () => uploader.obstacle !== undefined)
    expect(uploader.obstacle?.kind).toBe('PORTAL_CLOSED')
    expect(uploader.state).toBe('paused')

    portal.intercepts = []
    uploader.resume()
    await untilReceived(uploader)
  })

  it.each([
    ['the portal became full', problem(409, 'PORTAL_CANNOT_ACCEPT_UPLOADS'), 'PORTAL_CLOSED'],
    ['nothing more was taken anywhere', problem(409, 'INTAKE_CLOSED'), 'PAUSED'],
  ])('brings what was announced before %s, and then says so', async (_, refusal, kind) => {
    const portal = new FakePortal()
    portal.intercepts = [
      ({ url }) => (INTENT.test(url) && portal.uploads.size > 0 ? refusal : undefined),
    ]
    const uploader = portal.uploader()
    uploader.add(alone(...Array.from({ length: 55 }, (_, n) => makeFile(`${n}.pdf`, 10))))

    uploader.start({})
    await until(uploader, () => uploader.obstacle !== undefined)
    await until(uploader, () => uploader.totals.byPhase.received === 50)

    expect(uploader.obstacle?.kind).toBe(kind)
    expect(uploader.totals.byPhase.waiting).toBe(5)
    expect(portal.calls('POST', INTENT).length).toBe(2)

    uploader.cancelAll()
    expect(uploader.obstacle).toBeUndefined()
    expect(uploader.items.length).toBe(50)
  })

  it('collects anew when everything that was refused is taken out of the list', async () => {
    const portal = new FakePortal()
    portal.intercepts = [() => problem(409, 'PORTAL_CANNOT_ACCEPT_UPLOADS')]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))
    uploader.start({})
    await until(uploader, () => uploader.obstacle !== undefined)

    uploader.cancel(uploader.items[0]?.key ?? '')

    expect(uploader.state).toBe('collecting')
    expect(uploader.obstacle).toBeUndefined()
  })

  it.each([
    ['TOO_MANY_SUBMISSIONS', 'BUSY'],
    ['DAILY_LIMIT_REACHED', 'ENOUGH_TODAY'],
  ])(
    'leaves the server alone for as long as it asks, and goes on by itself: %s',
    async (code, kind) => {
      const portal = new FakePortal()
      const begunAt = portal.now
      portal.intercepts = [
        ({ url }) =>
          INTENT.test(url) && portal.now < begunAt + 300_000
            ? reply(429, JSON.stringify({ code }), { 'retry-after': '300' })
            : undefined,
      ]
      const uploader = portal.uploader()
      const seen: unknown[] = []
      uploader.subscribe(() => {
        if (uploader.obstacle) seen.push(uploader.obstacle.kind, uploader.obstacle.untilMs)
      })
      uploader.add(alone(makeFile('a.pdf', 10)))

      uploader.start({})
      await untilReceived(uploader)

      expect(new Set(seen)).toEqual(new Set([kind, begunAt + 300_000]))
      expect(portal.calls('POST', INTENT).length).toBe(2)
      expect(portal.sleeps).toContain(300_000)
    },
  )
})

describe('more announcements than one hand-over may have', () => {
  it('go into another, nothing is sent twice, and both are watched until all is delivered', async () => {
    const portal = new FakePortal()
    const refused: unknown[] = []
    portal.intercepts = [
      ({ url, body }) => {
        if (!INTENT.test(url) || portal.uploads.size !== 100) return undefined
        if (!String(body).includes('"submissionId"')) return undefined
        refused.push(body)
        const message = 'belong to a hand-over that has as many files as one may have'
        return problem(400, 'INVALID_REQUEST', [{ field: 'submissionId', message }])
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(...Array.from({ length: 120 }, (_, n) => makeFile(`${n}.pdf`, 10))))

    uploader.start({ clientName: 'Ada' })
    await untilReceived(uploader)

    const uploads = [...portal.uploads.values()]
    expect(refused.length).toBe(1)
    expect(uploads.map((each) => each.puts)).toEqual(Array(120).fill(1))
    expect(new Set(uploads.map((each) => each.submissionId)).size).toBe(2)
    expect(portal.calls('POST', INTENT).at(-1)?.body).toMatchObject({ clientName: 'Ada' })

    for (const upload of uploads) upload.status = 'uploaded'
    await until(uploader, () => uploader.totals.byPhase.delivered === 120)
  })
})

describe('a file that cannot be sent', () => {
  it('fails a file that S3 refuses again and again, and sends it when asked to', async () => {
    const portal = new FakePortal()
    portal.intercepts = [({ method }) => (method === 'PUT' ? reply(403, '') : undefined)]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 100)))
    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'failed')

    portal.intercepts = []
    uploader.retryAll()
    await untilReceived(uploader)

    expect(uploader.items[0]?.failure).toBeUndefined()
  })

  it('starts a file again whose upload ended under it', async () => {
    const portal = new FakePortal()
    let isFirst = true
    portal.intercepts = [
      ({ method }) => {
        if (method === 'PUT' && isFirst) {
          isFirst = false
          portal.upload('a.pdf').status = 'expired'
        }
        return undefined
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 100)))

    uploader.start({})
    await untilReceived(uploader)

    expect([...portal.uploads.values()].map((upload) => upload.status)).toEqual([
      'expired',
      'pending',
    ])
  })

  it('stands still when the network stays away, keeps its parts and goes on when told', async () => {
    const portal = new FakePortal()
    let isDown = false
    portal.intercepts = [
      ({ method, url }) => {
        if (method === 'PUT' && url.split('/')[4] === '3') isDown = true
        if (isDown && method === 'PUT') throw new NetworkError('reset')
        return undefined
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 30 * MIB)))
    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'waiting' && uploader.state === 'paused')
    expect(uploader.obstacle?.kind).toBe('NETWORK')

    portal.intercepts = []
    uploader.resume()
    await untilReceived(uploader)

    expect(uploader.obstacle).toBeUndefined()
    expect(portal.upload('film.mov').puts).toBe(4)
  })
})
