import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withToken } from '../../../shared/accounts/fresh-token.ts'
import { REFRESH_LEASE_MS } from '../../../shared/accounts/grant-store.ts'
import { OauthRefused, OauthUnavailable } from '../../../shared/oauth/oauth-provider.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import { ReconnectNeeded, RetryLater } from '../../../shared/providers/failures.ts'
import { STORAGE_PROVIDER_IDS } from '../../../shared/providers/providers.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type AccountHouse, grantOf, openAccount } from './account-house.ts'

const CALLERS = 20
const refused = (error: string, grantIsDead: boolean) => async () => {
  throw new OauthRefused(error, { grantIsDead })
}

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

describe.each(STORAGE_PROVIDER_IDS)('with %s:', (provider) => {
  let house: AccountHouse
  beforeEach(async () => {
    house = await openAccount(records.table, provider)
  })

  const fresh = (options?: { rejected?: string }) => house.caller()(house.account.grantId, options)

  describe('a token', () => {
    it('that lasts another twenty minutes is used as it is', async () => {
      house.clock.advance(40 * MINUTE_MS)

      expect((await fresh()).accessToken).toBe('old')
      expect(house.asked).toEqual([])
    })

    it('that lasts less is refreshed, and the next caller gets the new one', async () => {
      house.clock.advance(40 * MINUTE_MS + 1)

      expect((await fresh()).accessToken).toBe('new-1')
      expect((await fresh()).accessToken).toBe('new-1')
      expect(house.asked).toEqual(['first'])
    })

    it('that many find expired at once is refreshed once', async () => {
      house.expireToken()

      const lives = await Promise.all(Array.from({ length: CALLERS }, () => fresh()))

      expect(new Set(lives.map(({ accessToken }) => accessToken))).toEqual(new Set(['new-1']))
      expect(house.asked).toEqual(['first'])
    })

    it('that the provider has refused is refreshed although it should last', async () => {
      expect((await fresh({ rejected: 'old' })).accessToken).toBe('new-1')
      expect((await fresh({ rejected: 'old' })).accessToken).toBe('new-1')
      expect(house.asked).toEqual(['first'])
    })

    it('that the provider has refused is not handed out again by a question that was under way', async () => {
      const caller = house.caller()
      const [earlier, later] = await Promise.all([
        caller(house.account.grantId),
        caller(house.account.grantId, { rejected: 'old' }),
      ])

      expect(earlier.accessToken).toBe('old')
      expect(later.accessToken).toBe('new-1')
    })

    it('that is refused in the middle of a call is refreshed, and the call made again, once', async () => {
      const tried: string[] = []
      const call = withToken({ freshToken: house.caller() }, house.account, async (token) => {
        tried.push(token)
        throw new ReconnectNeeded({ tokenRejected: true, diagnostics: { provider } })
      })

      await expect(call).rejects.toThrow(ReconnectNeeded)
      expect(tried).toEqual(['old', 'new-1'])
    })

    it('comes with a new refresh token when the provider gives one, which is then the one to use', async () => {
      house.expireToken()
      house.answerRefresh(async () => ({
        accessToken: 'new',
        refreshToken: 'second',
        expiresInSeconds: 3600,
        scopes: [],
      }))
      await fresh()
      house.expireToken()
      await fresh()

      expect(house.asked).toEqual(['first', 'second'])
    })
  })

  describe('the lease of one who died while refreshing', () => {
    beforeEach(async () => {
      house.expireToken()
      expect(await house.grants.takeLease(house.grant, 'dead')).toBe(true)
    })

    it('keeps others from refreshing until it ends', async () => {
      house.clock.advance(REFRESH_LEASE_MS - 1)

      expect(await house.grants.takeLease(house.grant, 'next')).toBe(false)
    })

    it('is free at its end, and what the dead one would save then is refused', async () => {
      house.clock.advance(REFRESH_LEASE_MS)

      expect(await house.grants.takeLease(house.grant, 'next')).toBe(true)
      const saved = { tokens: '{}', accessTokenExpiresAtMs: 0 }
      expect(await house.grants.saveRefreshed(house.grant.id, 'dead', saved)).toBe(false)
      expect(await house.grants.saveRefused(house.grant.id, 'dead')).toBe(false)
      expect((await house.grants.find(house.grant.id))?.tokens).toBe(house.grant.tokens)
    })

    it('is waited for, and then somebody else refreshes', async () => {
      house.clock.advance(REFRESH_LEASE_MS - 1000)

      expect((await fresh()).accessToken).toBe('new-1')
    })

    it('that lasts longer than a caller may wait makes it come back later', async () => {
      await expect(fresh()).rejects.toThrow(RetryLater)
      expect(house.asked).toEqual([])
    })
  })

  describe('a refresh that fails', () => {
    beforeEach(() => house.expireToken())

    it('with invalid_grant disconnects the account once, with its portals and one event', async () => {
      const portal = await house.addPortal()
      house.answerRefresh(refused('invalid_grant', true))

      const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => fresh()))

      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { tokenRejected: false } })
      }
      expect(house.asked).toEqual(['first'])
      expect(await house.now()).toMatchObject({ status: 'DISCONNECTED', disconnectedBy: 'REVOKED' })
      expect((await house.portalNow(portal)).isActive).toBe(false)
      const types = (await house.events()).map((event) => event['type'])
      expect(types.sort()).toEqual(['account.status-changed', 'portal.deactivated'])
    })

    it('with invalid_grant is not asked for again by who read the tokens before', async () => {
      await house.grants.takeLease(house.grant, 'first')
      await house.grants.saveRefused(house.grant.id, 'first')

      expect(await house.grants.takeLease(house.grant, 'second')).toBe(false)
    })

    it('with invalid_grant disconnects it even when who noticed died before it could', async () => {
      await house.grants.takeLease(house.grant, 'dead')
      await house.grants.saveRefused(house.grant.id, 'dead')
      expect((await house.now()).status).toBe('ACTIVE')

      await expect(fresh()).rejects.toThrow(ReconnectNeeded)

      expect((await house.now()).status).toBe('DISCONNECTED')
    })

    it('because we are wrong never disconnects, and goes well once we are right', async () => {
      house.answerRefresh(refused('invalid_client', false))
      await expect(fresh()).rejects.toThrow(OauthRefused)
      expect((await house.now()).status).toBe('ACTIVE')
      expect(await house.events()).toEqual([])

      house.answerRefresh(async () => ({ accessToken: 'new', expiresInSeconds: 3600, scopes: [] }))
      expect((await fresh()).accessToken).toBe('new')
    })

    it('because nobody answers is tried again later, and leaves no lease', async () => {
      house.answerRefresh(async () => {
        throw new OauthUnavailable(new Error('503'))
      })
      await expect(fresh()).rejects.toThrow(RetryLater)
      expect((await house.now()).status).toBe('ACTIVE')

      house.answerRefresh(async () => ({ accessToken: 'new', expiresInSeconds: 3600, scopes: [] }))
      expect((await fresh()).accessToken).toBe('new')
    })
  })

  describe('a consent that is given while an old token is refreshed', () => {
    const consent = async () => {
      const tokens = { accessToken: 'consented', refreshToken: 'second' }
      await transact(records.table, [
        ...house.grants.put(grantOf(house.account, house.clock.now(), tokens)),
      ])
    }
    beforeEach(() => house.expireToken())

    it('counts, although the refresh brings another token', async () => {
      house.answerRefresh(async () => {
        await consent()
        return { accessToken: 'late', expiresInSeconds: 3600, scopes: [] }
      })

      expect((await fresh()).accessToken).toBe('consented')
      expect(house.asked).toEqual(['first'])
    })

    it('counts, although the old grant turns out dead', async () => {
      house.answerRefresh(async () => {
        await consent()
        return refused('invalid_grant', true)()
      })

      expect((await fresh()).accessToken).toBe('consented')
      expect((await house.now()).status).toBe('ACTIVE')
      expect(house.asked).toEqual(['first'])
    })
  })

  describe('a refresh whose answer cannot be saved any more', () => {
    beforeEach(() => house.expireToken())

    it('because the account was disconnected meanwhile hands out no token', async () => {
      house.answerRefresh(async () => {
        await transact(records.table, house.grants.remove(house.grant))
        return { accessToken: 'late', expiresInSeconds: 3600, scopes: [] }
      })

      await expect(fresh()).rejects.toThrow(ReconnectNeeded)
      expect(await house.grants.find(house.grant.id)).toBeUndefined()
    })

    it('because it took longer than its lease gives way to who refreshed in its place', async () => {
      house.answerRefresh(async (refreshToken) => {
        if (house.asked.length > 1) {
          return { accessToken: 'in time', expiresInSeconds: 3600, scopes: [] }
        }
        house.clock.advance(REFRESH_LEASE_MS)
        expect((await house.caller()(house.account.grantId)).accessToken).toBe('in time')
        expect(refreshToken).toBe('first')
        return { accessToken: 'late', expiresInSeconds: 3600, scopes: [] }
      })

      expect((await fresh()).accessToken).toBe('in time')
      expect(house.asked).toEqual(['first', 'first'])
    })

    it('again and again makes the caller come back later instead of asking for ever', async () => {
      house.answerRefresh(async () => {
        house.clock.advance(REFRESH_LEASE_MS)
        const thief = await house.grants.find(house.grant.id)
        if (!thief || !(await house.grants.takeLease(thief, 'thief'))) throw new Error('no lease')
        return { accessToken: 'late', expiresInSeconds: 3600, scopes: [] }
      })

      await expect(fresh()).rejects.toThrow(RetryLater)
      expect(house.asked).toEqual(['first'])
    })
  })
})
