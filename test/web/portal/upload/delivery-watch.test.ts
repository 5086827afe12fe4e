import { describe, expect, it } from 'vitest'
import { FakePortal } from './fake-portal.ts'
import { alone, makeFile } from './made-files.ts'
import { phases, until } from './until.ts'

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
})
