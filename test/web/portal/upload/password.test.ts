import { describe, expect, it } from 'vitest'
import { NetworkError } from '../../../../web/portal/upload/http.ts'
import { FakePortal, INTENT, problem } from './fake-portal.ts'
import { alone, MIB, makeFile, sha256 } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

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
