import { describe, expect, it } from 'vitest'
import { NetworkError } from '../../../../web/portal/upload/http.ts'
import { FakePortal, problem } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { untilReceived } from './until.ts'

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
