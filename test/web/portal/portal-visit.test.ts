import { describe, expect, it } from 'vitest'
import type { PublicPortalReply } from '../../../shared/contract/portals.ts'
import { isOpen, PortalVisit } from '../../../web/portal/portal-visit.ts'

const LOCKED = { portalId: 'prt_1', name: 'Letters', passwordRequired: true } as const
const OPEN: PublicPortalReply = {
  portalId: 'prt_1',
  name: 'Letters',
  passwordRequired: true,
  instructions: null,
  fields: { clientName: 'hidden', clientEmail: 'optional', clientMessage: 'required' },
  limits: { maxFileBytes: 100, maxFilesPerIntent: 50, allowedTypes: [] },
  deadline: null,
  acceptsUploads: true,
}

/** A portal that opens to one token, and the storage of one tab. */
function makeTab() {
  const stored = new Map<string, string>()
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  }
  const server = { goodToken: 'hour-1' }
  const api = {
    findPortal: async (_slug: string, token?: string) =>
      token === server.goodToken ? OPEN : LOCKED,
    verifyPassword: async () => ({ token: server.goodToken, expiresAt: '2026-01-01T01:00:00Z' }),
  }
  const visit = (slug = 'letters') => new PortalVisit(slug, { api, storage })
  return { stored, storage, server, api, visit }
}

describe('PortalVisit', () => {
  it('knows nothing but the name before the password, and all of it after', async () => {
    const { visit } = makeTab()
    const here = visit()

    expect(isOpen(await here.look())).toBe(false)
    expect(here.portal).toBeUndefined()

    await here.unlock('correct horse')
    expect(isOpen(await here.look())).toBe(true)
    expect(here.portal).toEqual(OPEN)
  })

  it('is still open after a reload of the tab, and for no other portal', async () => {
    const { visit } = makeTab()
    await visit().unlock('correct horse')

    expect(visit().token).toBe('hour-1')
    expect(isOpen(await visit().look())).toBe(true)
    expect(visit('other').token).toBeUndefined()
  })

  it('keeps the token and never the password', async () => {
    const { visit, stored } = makeTab()

    await visit().unlock('correct horse')

    expect([...stored.values()]).toEqual(['hour-1'])
  })

  it('lets go of a token that opens nothing any more', async () => {
    const { visit, server, stored } = makeTab()
    const here = visit()
    await here.unlock('correct horse')
    await here.look()

    server.goodToken = 'hour-2'
    await here.look()

    expect(here.token).toBeUndefined()
    expect(stored.size).toBe(0)
    // What the page shows stays: files may be on their way.
    expect(here.portal).toEqual(OPEN)
  })

  it('does not let go of a token that was given while the server was asked', async () => {
    const { api, visit } = makeTab()
    const here = visit()
    const { findPortal } = api
    api.findPortal = async (slug, token) => {
      const answer = await findPortal(slug, token)
      if (token === undefined) await here.unlock('correct horse')
      return answer
    }

    await here.look()

    expect(here.token).toBe('hour-1')
  })

  it('works in a browser that stores nothing', async () => {
    const { api } = makeTab()
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError')
      },
      removeItem: () => {},
    }
    for (const storage of [undefined, full]) {
      const here = new PortalVisit('letters', { api, storage })
      await here.unlock('correct horse')
      expect(isOpen(await here.look())).toBe(true)
    }
  })
})
