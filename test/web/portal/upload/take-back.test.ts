import { describe, expect, it } from 'vitest'
import { FakePortal } from './fake-portal.ts'
import { alone, MIB, makeFile } from './made-files.ts'
import { phases, until, untilReceived } from './until.ts'

describe('a file that is cancelled', () => {
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
