import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { contentHash } from '../../../web/portal/upload/content-hash.ts'
import { createFileHasher } from '../../../web/portal/upload/file-hasher.ts'
import { memoryHandOverStore } from '../../../web/portal/upload/hand-over-store.ts'
import { NetworkError } from '../../../web/portal/upload/http.ts'
import { PARALLEL_REQUESTS } from '../../../web/portal/upload/scheduler.ts'
import {
  alone,
  FakePortal,
  MIB,
  makeFile,
  problem,
  reply,
  until,
  untilReceived,
} from './fake-portal.ts'

const INTENT = /^\/api\/upload$/
const S3 = /^s3:/

function phases(uploader: { items: readonly { phase: string }[] }): string[] {
  return uploader.items.map((item) => item.phase)
}

async function sha256(file: Blob | undefined): Promise<string> {
  const bytes = Buffer.from((await file?.arrayBuffer()) ?? new ArrayBuffer(0))
  return createHash('sha256').update(bytes).digest('hex')
}

describe('announcing', () => {
  it('sends nothing before it is started', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()

    uploader.add(alone(makeFile('a.pdf', 10)))
    await portal.clock.sleep(1)

    expect(portal.seen).toEqual([])
    expect(phases(uploader)).toEqual(['waiting'])
  })

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

describe('behind a password (rule 10, C22)', () => {
  /** Refuses every announcement, or every call, that does not carry this token. */
  function asksFor(portal: FakePortal, token: () => string) {
    portal.intercepts = [
      ({ url, body }) =>
        INTENT.test(url) && !String(body).includes(`"token":"${token()}"`)
          ? problem(401, 'PASSWORD_REQUIRED')
          : undefined,
    ]
  }

  it('announces with the token that the password gave, and never puts it anywhere else', async () => {
    const portal = new FakePortal()
    portal.portalToken = 'first-hour'
    asksFor(portal, () => 'first-hour')
    const uploader = portal.uploader()
    uploader.add(alone(...Array.from({ length: 60 }, (_, n) => makeFile(`${n}.pdf`, 10))))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.calls('POST', INTENT).map((call) => call.body)).toMatchObject([
      { token: 'first-hour' },
      { token: 'first-hour' },
    ])
    const others = portal.seen.filter((call) => !INTENT.test(call.path))
    expect(others.length).toBeGreaterThan(60)
    expect(JSON.stringify(others)).not.toContain('first-hour')
    expect(portal.seen.map((call) => call.path).join()).not.toContain('first-hour')
  })

  it('asks for the password when its hour is over, and goes on with what was chosen', async () => {
    const portal = new FakePortal()
    portal.portalToken = 'first-hour'
    asksFor(portal, () => 'second-hour')
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10), makeFile('b.pdf', 10)))

    uploader.start({ clientName: 'Ada' })
    await until(uploader, () => uploader.obstacle !== undefined)
    expect(uploader.obstacle?.kind).toBe('PASSWORD')
    expect(phases(uploader)).toEqual(['waiting', 'waiting'])

    portal.portalToken = 'second-hour'
    uploader.resume()
    await untilReceived(uploader)
    expect(portal.calls('POST', INTENT).at(-1)?.body).toMatchObject({ clientName: 'Ada' })
  })

  it('asks in the middle of a hand-over too, and adds to the same one', async () => {
    const portal = new FakePortal()
    portal.portalToken = 'first-hour'
    let token = 'first-hour'
    asksFor(portal, () => token)
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))
    uploader.start({})
    await untilReceived(uploader)

    token = 'second-hour'
    portal.isOpen = false
    uploader.add(alone(makeFile('b.pdf', 10)))
    await until(uploader, () => uploader.obstacle?.kind === 'PASSWORD')
    portal.portalToken = 'second-hour'
    uploader.resume()
    await untilReceived(uploader)

    expect(portal.upload('b.pdf').submissionId).toBe(portal.upload('a.pdf').submissionId)
  })

  it('begins a new hand-over when the password was changed under it, and asks only once', async () => {
    const portal = new FakePortal()
    portal.portalToken = 'old'
    const uploader = portal.uploader()
    const film = makeFile('film.mov', 40 * MIB)
    let isChanged = false
    let obstacles = 0
    portal.intercepts = [
      ({ method, url, headers, body }) => {
        // The tokens of the hand-over are of the old password, whatever the client knows now.
        isChanged ||= method === 'PUT' && url.split('/')[4] === '3'
        if (!isChanged || !url.startsWith('/api/upload') || method === 'GET') return undefined
        const isNew = String(body).includes('"token":"new"') && !headers['authorization']
        const isOfNew = headers['authorization'] === newToken()
        return isNew || isOfNew ? undefined : problem(401, 'PASSWORD_REQUIRED')
      },
    ]
    const newToken = () => {
      const tokens = [...portal.liveTokens].filter((each) => each.startsWith('write-'))
      return tokens.length > 1 ? `Bearer ${tokens.at(-1)}` : undefined
    }
    portal.isOpen = false
    uploader.subscribe(() => {
      if (uploader.obstacle?.kind !== 'PASSWORD' || portal.portalToken === 'new') return
      obstacles += 1
      portal.portalToken = 'new'
      portal.isOpen = true
      setImmediate(() => uploader.resume())
    })
    uploader.add(alone(makeFile('a.pdf', 10), film))

    uploader.start({})
    await untilReceived(uploader)

    expect(obstacles).toBe(1)
    expect(uploader.items.map((item) => item.name)).toEqual(['a.pdf', 'film.mov'])
    expect(await sha256(portal.upload('film.mov').object)).toBe(await sha256(film))
    expect(portal.upload('film.mov').submissionId).not.toBe(portal.upload('a.pdf').submissionId)
  })

  it('sends nothing twice that had arrived when the password was changed', async () => {
    const portal = new FakePortal()
    portal.portalToken = 'old'
    const uploader = portal.uploader()
    portal.intercepts = [
      ({ url }) => {
        if (!url.endsWith('/complete')) return undefined
        // S3 has told of the object; only its completion is refused.
        portal.upload('a.pdf').status = 'staged'
        return problem(401, 'PASSWORD_REQUIRED')
      },
    ]
    uploader.add(alone(makeFile('a.pdf', 10)))

    uploader.start({})
    await untilReceived(uploader)

    expect(uploader.obstacle).toBeUndefined()
    expect(portal.uploads.size).toBe(1)
    expect(portal.upload('a.pdf').puts).toBe(1)
  })

  it('keeps asking when nobody can say whether the password is right', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))
    uploader.start({})
    await untilReceived(uploader)
    portal.intercepts = [
      ({ url }) => (INTENT.test(url) ? problem(401, 'PASSWORD_REQUIRED') : undefined),
    ]
    portal.isOpen = new NetworkError('reset')

    uploader.add(alone(makeFile('b.pdf', 10)))
    await until(uploader, () => uploader.obstacle?.kind === 'PASSWORD')
    await portal.clock.sleep(1)

    expect(uploader.obstacle?.kind).toBe('PASSWORD')
    expect(phases(uploader)).toEqual(['received', 'waiting'])
  })
})

describe('sending', () => {
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

describe('completing', () => {
  it('sends what S3 lacks when the server finds a part missing', async () => {
    const portal = new FakePortal()
    let isFirst = true
    portal.intercepts = [
      ({ url }) => {
        if (url.endsWith('/complete') && isFirst) {
          isFirst = false
          portal.upload('film.mov').parts.delete(2)
        }
        return undefined
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 30 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.calls('GET', /parts$/).length).toBe(1)
    expect(portal.upload('film.mov').puts).toBe(5)
    expect(portal.upload('film.mov').object?.size).toBe(30 * MIB)
  })

  it('repeats a completion whose answer was lost', async () => {
    const portal = new FakePortal()
    let losses = 2
    portal.intercepts = [
      ({ url }) => {
        if (url.endsWith('/complete') && losses-- > 0) throw new NetworkError('lost')
        return undefined
      },
    ]
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('film.mov', 30 * MIB)))

    uploader.start({})
    await untilReceived(uploader)

    expect(portal.calls('POST', /complete$/).length).toBe(3)
    expect(portal.upload('film.mov').puts).toBe(4)
  })

  it('asks for each file when one of several is in the way', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    const files = Array.from({ length: 12 }, (_, n) => makeFile(`${n}.pdf`, 10))
    let isFirst = true
    portal.intercepts = [
      ({ url }) => {
        if (/submissions\/.*complete$/.test(url) && isFirst) {
          isFirst = false
          return problem(409, 'UPLOAD_INCOMPLETE')
        }
        return undefined
      },
    ]
    uploader.add(alone(...files))

    uploader.start({})
    await untilReceived(uploader)

    expect(isFirst).toBe(false)
    expect([...portal.uploads.values()].every((upload) => upload.puts === 1)).toBe(true)
  })
})

describe('pausing and cancelling', () => {
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

  it('takes a cancelled file off the list and off the server', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('wrong.mov', 30 * MIB), makeFile('right.pdf', 10)))
    portal.intercepts = [
      ({ method, url }) => {
        const wrong = uploader.items.find((item) => item.name === 'wrong.mov')
        if (method === 'PUT' && wrong && portal.uploads.has(url.split('/')[3] ?? '')) {
          uploader.cancel(wrong.key)
        }
        return undefined
      },
    ]

    uploader.start({})
    await untilReceived(uploader)
    await until(uploader, () => portal.upload('wrong.mov').status === 'deleted')

    expect(uploader.items.map((item) => item.name)).toEqual(['right.pdf'])
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

  it('shows a file that was received faster than it was cancelled', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    uploader.add(alone(makeFile('a.pdf', 10)))
    portal.intercepts = [
      ({ method, url }) => {
        if (!url.endsWith('/complete')) return undefined
        if (method === 'POST') portal.upload('a.pdf').status = 'delivering'
        uploader.cancel(uploader.items[0]?.key ?? '')
        return undefined
      },
    ]

    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'received')

    expect(portal.calls('DELETE', /upload/).length).toBe(1)
  })
})

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

describe('after receipt', () => {
  it('asks at 2, 4, 8 … 60 seconds until everything is delivered', async () => {
    const portal = new FakePortal()
    const uploader = portal.uploader()
    let asked = 0
    portal.intercepts = [
      ({ method, url }) => {
        if (method !== 'GET' || !url.includes('/submissions/')) return undefined
        asked += 1
        if (asked === 2) portal.upload('a.pdf').status = 'held'
        if (asked === 7) portal.upload('a.pdf').status = 'uploaded'
        return undefined
      },
    ]
    const seen = new Set<string>()
    uploader.subscribe(() => seen.add(phases(uploader)[0] ?? ''))
    uploader.add(alone(makeFile('a.pdf', 10)))

    uploader.start({})
    await until(uploader, () => phases(uploader)[0] === 'delivered')

    expect(portal.sleeps).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect([...seen]).toEqual(
      expect.arrayContaining(['sending', 'finishing', 'received', 'held', 'delivered']),
    )
    expect(uploader.items[0]?.destination).toBe('google_drive')
    const [status] = portal.calls('GET', /submissions/)
    expect(status?.headers['authorization']).toMatch(/^Bearer read-/)
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
