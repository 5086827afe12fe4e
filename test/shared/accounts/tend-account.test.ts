import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FAILURES_UNTIL_ERROR } from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { tendAccount } from '../../../shared/accounts/tend-account.ts'
import { OauthRefused } from '../../../shared/oauth/oauth-provider.ts'
import { HOUR_MS, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import {
  ReconnectNeeded,
  RetryLater,
  type RetryLaterReason,
} from '../../../shared/providers/failures.ts'
import { STORAGE_PROVIDER_IDS } from '../../../shared/providers/providers.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type AccountHouse, grantOf, openAccount } from './account-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

describe.each(STORAGE_PROVIDER_IDS)('with %s:', (provider) => {
  let house: AccountHouse
  let released: { accountId: string; roomAgain: boolean }[]
  beforeEach(async () => {
    house = await openAccount(records.table, provider)
    released = []
  })

  function fails(reason: RetryLaterReason) {
    house.answerProbe(async () => {
      throw new RetryLater({ reason, diagnostics: { provider } })
    })
  }

  async function tend(): Promise<void> {
    await tendAccount(
      {
        ...house,
        freshToken: house.caller(),
        deliveries: {
          releaseHeld: async (accountId, { roomAgain }) => {
            released.push({ accountId, roomAgain })
            return true
          },
        },
      },
      house.account.id,
      house.clock.now() + 5 * MINUTE_MS,
    )
  }

  /** Moves to when the account is due, and tends it. */
  async function tendWhenDue(): Promise<number> {
    const dueAtMs = await house.dueAtMs()
    if (dueAtMs === undefined) throw new Error('the account is not due at all')
    const waitedMs = Math.max(0, dueAtMs - house.clock.now())
    house.clock.advance(waitedMs)
    await tend()
    return waitedMs
  }

  describe('an account that works', () => {
    it('is due at once after it was connected, and then tells its quota', async () => {
      expect(await house.dueAtMs()).toBeLessThanOrEqual(house.clock.now())
      await tend()

      expect(await house.now()).toMatchObject({
        status: 'ACTIVE',
        quota: { usedBytes: 10, totalBytes: 100 },
        lastError: null,
        version: 1,
      })
      expect((await house.now()).lastAccessedAt).not.toBeNull()
    })

    it('is looked at again before its token ends, which is then refreshed', async () => {
      await tend()
      const waitedMs = await tendWhenDue()

      expect(waitedMs).toBe(45 * MINUTE_MS)
      expect(house.asked).toEqual(['first'])
    })

    it('lets go of what waited for it, and of what waited for room when there is some', async () => {
      await tend()
      await tend()
      house.answerProbe(async () => ({ usedBytes: 100, totalBytes: 100 }))
      await tendWhenDue()
      await tend()

      const accountId = house.account.id
      expect(released).toEqual([
        { accountId, roomAgain: true },
        { accountId, roomAgain: true },
        { accountId, roomAgain: true },
        { accountId, roomAgain: false },
      ])
    })
  })

  describe('an account that fails', () => {
    it(`is in ERROR after ${FAILURES_UNTIL_ERROR} failures in a row, with its portals, and back by itself`, async () => {
      const portal = await house.addPortal()
      fails('UNAVAILABLE')
      await tend()
      await tendWhenDue()
      expect(await house.now()).toMatchObject({ status: 'ACTIVE', failures: 2 })
      await tendWhenDue()

      expect(await house.now()).toMatchObject({
        status: 'ERROR',
        lastError: 'PROVIDER_UNAVAILABLE',
      })
      expect(await house.portalNow(portal)).toMatchObject({
        isActive: false,
        deactivationReason: 'STORAGE_ERROR',
      })

      house.answerProbe(async () => ({ usedBytes: 1 }))
      await tendWhenDue()
      await tendWhenDue()
      expect(await house.now()).toMatchObject({
        status: 'ACTIVE',
        lastError: null,
        quota: { usedBytes: 1, totalBytes: null },
      })
      expect((await house.portalNow(portal)).isActive).toBe(true)
    })

    it('starts counting anew after each success', async () => {
      for (let round = 0; round < 3; round += 1) {
        fails('NETWORK')
        await tendWhenDue()
        await tendWhenDue()
        house.answerProbe(async () => ({ usedBytes: 1 }))
        await tendWhenDue()
      }

      expect(await house.now()).toMatchObject({ status: 'ACTIVE', failures: 0 })
    })

    it('is tried again after growing waits, an hour at most', async () => {
      fails('UNAVAILABLE')
      const waits: number[] = []
      for (let attempt = 0; attempt < 14; attempt += 1) waits.push(await tendWhenDue())

      const inError = waits.slice(5)
      expect(inError.every((wait, index) => wait >= (inError[index - 1] ?? 0))).toBe(true)
      expect(inError.at(-1)).toBe(HOUR_MS)
    })

    it('because our own client is refused stays connected, and says so', async () => {
      house.expireToken()
      house.answerRefresh(async () => {
        throw new OauthRefused('invalid_client', { grantIsDead: false })
      })
      await tend()

      expect(await house.now()).toMatchObject({ status: 'ACTIVE', lastError: 'CONNECTION_REFUSED' })
    })

    it('because the provider limits us stays ACTIVE however long that lasts', async () => {
      fails('DAILY_LIMIT')
      for (let attempt = 0; attempt < 6; attempt += 1) await tendWhenDue()

      expect(await house.now()).toMatchObject({ status: 'ACTIVE', failures: 0, lastError: null })
    })
  })

  describe('an account that its owner stopped', () => {
    it('is kept fresh while it is INACTIVE, and stays so', async () => {
      await handleStorageAccountStatusChange(house, house.account.id, 'DEACTIVATED', {
        actor: 'owner',
        reason: 'USER_DEACTIVATED',
      })
      await tendWhenDue()
      await tendWhenDue()
      await tendWhenDue()

      expect(await house.now()).toMatchObject({ status: 'INACTIVE', failures: 0 })
      expect(house.asked.length).toBeGreaterThan(0)
      expect(released).toEqual([])
    })

    it('is due no more once it is DISCONNECTED and its portals have followed', async () => {
      await handleStorageAccountStatusChange(house, house.account.id, 'DISCONNECTED_BY_USER', {
        actor: 'owner',
        reason: 'USER_DISCONNECTED',
      })
      await tendWhenDue()

      expect(await house.dueAtMs()).toBeUndefined()
    })
  })

  it('a dead grant found by a probe disconnects the account, with its portals and one event', async () => {
    const portal = await house.addPortal()
    house.expireToken()
    house.answerRefresh(async () => {
      throw new OauthRefused('invalid_grant', { grantIsDead: true })
    })
    await tend()
    await tend()

    expect(await house.now()).toMatchObject({ status: 'DISCONNECTED', disconnectedBy: 'REVOKED' })
    expect(await house.portalNow(portal)).toMatchObject({
      isActive: false,
      deactivationReason: 'STORAGE_DISCONNECTED',
    })
    const changes = (await house.events()).filter(({ type }) => type === 'account.status-changed')
    expect(changes).toHaveLength(1)
  })

  it('a consent that comes while the provider refuses the grant before it counts', async () => {
    house.answerProbe(async () => {
      const tokens = { accessToken: 'consented', refreshToken: 'second' }
      const consent = grantOf(house.account, house.clock.now(), tokens)
      await transact(records.table, house.grants.put({ ...consent, wrappedKey: 'another key' }))
      throw new ReconnectNeeded({ tokenRejected: false, diagnostics: { provider } })
    })
    await tend()

    expect((await house.now()).status).toBe('ACTIVE')
  })

  it('two keepers at once change an account once', async () => {
    fails('UNAVAILABLE')
    await tendWhenDue()
    await tendWhenDue()
    house.clock.advance(HOUR_MS)
    await Promise.all([tend(), tend(), tend()])

    const changes = (await house.events()).filter(({ type }) => type === 'account.status-changed')
    expect(changes).toHaveLength(1)
  })
})
