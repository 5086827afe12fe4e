import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Account,
  type AccountEvent,
  canCreateUploads,
} from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import {
  fixAccounts,
  getStorage,
  syncOauthStatus,
} from '../../../shared/accounts/repair-accounts.ts'
import {
  deactivateAccount,
  disconnectAccount,
  reactivateAccount,
  refreshToken,
} from '../../../shared/accounts/set-account-status.ts'
import {
  createOrGetStorageAccount,
  type EnsureResult,
  ensureStorageAccountsForUser,
} from '../../../shared/accounts/storage-account-manager.ts'
import { PortageError } from '../../../shared/errors.ts'
import { OauthRefused } from '../../../shared/oauth/oauth-provider.ts'
import { MINUTE_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import { RetryLater } from '../../../shared/providers/failures.ts'
import { toOauthProviderId } from '../../../shared/providers/provider-id.ts'
import { STORAGE_PROVIDER_IDS } from '../../../shared/providers/providers.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type AccountHouse, grantOf, openAccount } from './account-house.ts'

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

describe.each(STORAGE_PROVIDER_IDS)('with %s:', (provider) => {
  const oauthId = toOauthProviderId(provider)
  let house: AccountHouse
  beforeEach(async () => {
    house = await openAccount(records.table, provider)
  })

  const deps = () => ({ ...house, freshToken: house.caller() })
  const owner = () => house.account.userId
  const byId = () => ({ storageAccountId: house.account.id })

  async function happens(...events: AccountEvent[]): Promise<void> {
    for (const event of events) {
      await handleStorageAccountStatusChange(house, house.account.id, event, {
        actor: 'test',
        reason: event,
      })
    }
  }

  function unavailable(): void {
    house.answerProbe(async () => {
      throw new RetryLater({ reason: 'UNAVAILABLE', diagnostics: { provider } })
    })
  }

  /** The storage is there, its record is lost. */
  async function loseAccount(): Promise<void> {
    await records.table.client.send(
      new DeleteCommand({
        TableName: records.table.name,
        Key: house.accounts.key(house.account.id),
      }),
    )
  }

  async function signIn(subject: string): Promise<void> {
    await transact(records.table, [
      {
        Put: {
          TableName: records.table.name,
          Item: {
            pk: `login#${oauthId}#${subject}`,
            sk: 'login',
            userId: owner(),
            provider: oauthId,
            subject,
            email: 'login@example.com',
            name: null,
            ownerPk: `logins#${owner()}`,
            ownerSk: subject,
          },
        },
      },
    ])
  }

  type Counts = Pick<EnsureResult, 'created' | 'reactivated' | 'validated'> & { errors: number }
  const nothing: Counts = { created: 0, reactivated: 0, validated: 0, errors: 0 }

  describe('accounts are ensured (A6, A31)', () => {
    const rows: {
      row: string
      given: () => Promise<unknown>
      byPage: Partial<Counts>
      byFix: Partial<Counts>
      status: [byPage: Account['status'], byFix: Account['status']]
    }[] = [
      {
        row: 'none, with a grant for storage',
        given: loseAccount,
        byPage: { created: 1 },
        byFix: { created: 1 },
        status: ['ACTIVE', 'ACTIVE'],
      },
      {
        row: 'none, with a login alone',
        given: () => signIn('somebody'),
        byPage: { validated: 1 },
        byFix: { validated: 1, errors: 1 },
        status: ['ACTIVE', 'ACTIVE'],
      },
      {
        row: 'ACTIVE',
        given: async () => undefined,
        byPage: { validated: 1 },
        byFix: { validated: 1 },
        status: ['ACTIVE', 'ACTIVE'],
      },
      {
        row: 'INACTIVE',
        given: () => happens('DEACTIVATED'),
        byPage: {},
        byFix: {},
        status: ['INACTIVE', 'INACTIVE'],
      },
      {
        row: 'ERROR, working again',
        given: () => happens('FAILING'),
        byPage: { reactivated: 1 },
        byFix: { reactivated: 1 },
        status: ['ACTIVE', 'ACTIVE'],
      },
      {
        row: 'ERROR, failing still',
        given: async () => {
          await happens('FAILING')
          unavailable()
        },
        byPage: {},
        byFix: { errors: 1 },
        status: ['ERROR', 'ERROR'],
      },
      {
        row: 'DISCONNECTED, revoked, working again',
        given: () => happens('GRANT_REFUSED'),
        byPage: {},
        byFix: { reactivated: 1 },
        status: ['DISCONNECTED', 'ACTIVE'],
      },
      {
        row: 'DISCONNECTED by its user',
        given: () => happens('DISCONNECTED_BY_USER'),
        byPage: {},
        byFix: {},
        status: ['DISCONNECTED', 'DISCONNECTED'],
      },
    ]
    for (const [index, way] of (['byPage', 'byFix'] as const).entries()) {
      it.each(rows)(`${way}: $row`, async ({ given, status, ...expected }) => {
        await given()

        const options = { forceCreate: way === 'byFix', respectDisconnected: true }
        const {
          errors,
          reactivatedPortals: _,
          ...counts
        } = await ensureStorageAccountsForUser(deps(), owner(), options)

        expect({ ...counts, errors: errors.length }).toEqual({ ...nothing, ...expected[way] })
        expect((await house.now()).status).toBe(status[index])
      })
    }

    it('by a consent: ERROR and DISCONNECTED come back, INACTIVE stays the owner’s choice', async () => {
      const outcomes: string[] = []
      for (const event of [
        'DEACTIVATED',
        'FAILING',
        'GRANT_REFUSED',
        'DISCONNECTED_BY_USER',
      ] as const) {
        house = await openAccount(records.table, provider)
        await happens(event)
        const { outcome, previousStatus, account } = await createOrGetStorageAccount(
          house,
          owner(),
          house.account,
          'new@example.com',
          'New',
          { forceCreate: true, respectDisconnected: false },
        )
        outcomes.push(`${previousStatus} ${outcome} ${account.status}`)
      }

      expect(outcomes).toEqual([
        'INACTIVE existing INACTIVE',
        'ERROR reactivated ACTIVE',
        'DISCONNECTED reactivated ACTIVE',
        'DISCONNECTED reactivated ACTIVE',
      ])
    })

    it('a disconnected one that is to be respected is skipped', async () => {
      await happens('DISCONNECTED_BY_USER')

      expect(
        await createOrGetStorageAccount(house, owner(), house.account, null, null, {
          forceCreate: true,
          respectDisconnected: true,
        }),
      ).toMatchObject({ outcome: 'skipped_disconnected', previousStatus: 'DISCONNECTED' })
    })

    it('fifty at once make one account and one event', async () => {
      const identity = { provider, providerAccountId: 'another' }
      const create = (): ReturnType<typeof createOrGetStorageAccount> =>
        createOrGetStorageAccount(house, owner(), identity, null, 'Another', {
          forceCreate: true,
          respectDisconnected: false,
        }).catch((error: unknown) => {
          // On a slow machine fifty are too many for a moment; whoever is told so comes back.
          if (!(error instanceof PortageError && error.code === 'BUSY')) throw error
          return create()
        })

      const results = await Promise.all(Array.from({ length: 50 }, create))

      expect(results.filter(({ outcome }) => outcome === 'created')).toHaveLength(1)
      expect(new Set(results.map(({ account }) => account.id)).size).toBe(1)
      expect(await house.events()).toHaveLength(1)
    })
  })

  describe('the storage page (C11)', () => {
    it('repairs once a minute, however often it is loaded, and not when it is told so', async () => {
      await loseAccount()
      const look = await getStorage(deps(), owner(), { repair: false })
      expect(look).toMatchObject({
        accounts: [{ storageAccountId: null, hasValidOAuth: true, isConnected: false }],
        activeStorageAccounts: [],
        fallbackInfo: { accountsCreated: 0 },
      })

      const first = await getStorage(deps(), owner(), { repair: true })
      expect(first.fallbackInfo).toMatchObject({ accountsCreated: 1, errors: [] })
      expect(first.activeStorageAccounts).toHaveLength(1)

      await loseAccount()
      const second = await getStorage(deps(), owner(), { repair: true })
      expect(second.fallbackInfo).toMatchObject({ accountsCreated: 0 })

      house.clock.advance(MINUTE_MS)
      const third = await getStorage(deps(), owner(), { repair: true })
      expect(third.fallbackInfo).toMatchObject({ accountsCreated: 1 })
    })
  })

  describe('fix and sync (C12)', () => {
    it('fix tells what came back with how many portals', async () => {
      await house.addPortal()
      await happens('FAILING')

      expect(await fixAccounts(deps(), owner())).toEqual({
        message: 'Storage accounts fixed successfully',
        summary: { created: 0, reactivated: 1, validated: 0, errors: [], reactivatedPortals: 1 },
      })
    })

    it('sync brings a working account back, and stops one whose grant is dead', async () => {
      await house.addPortal()
      await happens('FAILING')
      expect((await syncOauthStatus(deps(), owner())).summary).toEqual({
        deactivatedPortals: 0,
        reactivatedPortals: 1,
        accountsChecked: 1,
        accountsUpdated: 1,
        errors: [],
      })

      house.expireToken()
      house.answerRefresh(async () => {
        throw new OauthRefused('invalid_grant', { grantIsDead: true })
      })
      expect((await syncOauthStatus(deps(), owner())).summary).toEqual({
        deactivatedPortals: 1,
        reactivatedPortals: 0,
        accountsChecked: 1,
        accountsUpdated: 1,
        errors: [],
      })
      expect(await house.now()).toMatchObject({ status: 'DISCONNECTED', disconnectedBy: 'REVOKED' })
    })

    it('sync names an account whose provider does not answer', async () => {
      unavailable()
      const { summary } = await syncOauthStatus(deps(), owner())

      expect(summary.errors).toEqual(['owner@example.com: the provider does not answer'])
      expect((await house.now()).failures).toBe(1)
    })
  })

  describe('taking an account up again (C9)', () => {
    it.each(['DEACTIVATED', 'FAILING'] as const)(
      'after %s, when the provider answers',
      async (event) => {
        await house.addPortal()
        await happens(event)

        expect(await reactivateAccount(deps(), owner(), byId())).toEqual({
          message: 'Storage account reactivated successfully',
          reactivatedPortals: 1,
        })
        expect(await house.now()).toMatchObject({ status: 'ACTIVE', lastError: null })
      },
    )

    it('is nothing to do while it is ACTIVE', async () => {
      expect(await reactivateAccount(deps(), owner(), byId())).toMatchObject({
        reactivatedPortals: 0,
      })
      expect(await house.events()).toEqual([])
    })

    it('leads from INACTIVE to ERROR when the provider does not answer', async () => {
      await happens('DEACTIVATED')
      unavailable()

      await expect(reactivateAccount(deps(), owner(), byId())).rejects.toMatchObject({
        code: 'PROVIDER_UNAVAILABLE',
      })
      expect(await house.now()).toMatchObject({
        status: 'ERROR',
        lastError: 'PROVIDER_UNAVAILABLE',
      })
    })

    it('needs a new consent when the grant turns out dead', async () => {
      await happens('DEACTIVATED')
      house.expireToken()
      house.answerRefresh(async () => {
        throw new OauthRefused('invalid_grant', { grantIsDead: true })
      })

      await expect(reactivateAccount(deps(), owner(), byId())).rejects.toMatchObject({
        code: 'RECONNECT_REQUIRED',
        facts: { connectUrl: `/api/oauth/${oauthId}/start?returnTo=%2Faccounts` },
      })
      expect((await house.now()).status).toBe('DISCONNECTED')
    })
  })

  describe('disconnecting (C1, security rule 5)', () => {
    it('destroys the tokens, stops the portals and tells the provider', async () => {
      await house.addPortal()

      expect(await disconnectAccount(deps(), owner(), byId())).toEqual({
        message: 'Storage account disconnected successfully',
        deactivatedPortals: 1,
      })
      expect(await house.now()).toMatchObject({ status: 'DISCONNECTED', disconnectedBy: 'USER' })
      expect(await house.grants.find(house.grant.id)).toBeUndefined()
      expect(house.revoked).toEqual(['first'])
      await expect(reactivateAccount(deps(), owner(), byId())).rejects.toMatchObject({
        code: 'RECONNECT_REQUIRED',
      })
    })

    it('does not tell the provider while another owner lives by a grant of the same identity', async () => {
      const other = await openAccount(records.table, provider)
      const tokens = { accessToken: 'a', refreshToken: 'other' }
      const shared = {
        ...grantOf(other.account, house.clock.now(), tokens),
        subject: house.grant.subject,
      }
      await transact(records.table, house.grants.put(shared))

      await disconnectAccount(deps(), owner(), byId())
      expect(house.revoked).toEqual([])
      expect(await house.grants.find(house.grant.id)).toBeUndefined()

      await transact(records.table, house.grants.remove(shared))
      await transact(records.table, house.grants.put(house.grant))
      await disconnectAccount(deps(), owner(), byId())
      expect(house.revoked).toEqual(['first'])
    })

    it('changes nothing the second time', async () => {
      await disconnectAccount(deps(), owner(), byId())
      const before = await house.events()

      expect(await disconnectAccount(deps(), owner(), byId())).toMatchObject({
        deactivatedPortals: 0,
      })
      expect(await house.events()).toEqual(before)
      expect(house.revoked).toEqual(['first'])
    })

    it('is final for pausing', async () => {
      await disconnectAccount(deps(), owner(), byId())

      await expect(deactivateAccount(house, owner(), byId())).rejects.toMatchObject({
        code: 'INVALID_TRANSITION',
      })
    })
  })

  describe('a refresh that the owner asks for', () => {
    it('gets a new token and tells when that one ends', async () => {
      const reply = await refreshToken(deps(), owner(), house.account.id)

      expect(reply.status).toBe('ACTIVE')
      expect(Date.parse(reply.expiresAt)).toBe(house.clock.now() + 60 * MINUTE_MS)
      expect(house.asked).toEqual(['first'])
      expect(JSON.stringify(reply)).not.toContain('new-1')
    })

    it('is of one’s own account only', async () => {
      await expect(refreshToken(deps(), 'usr_other', house.account.id)).rejects.toMatchObject({
        code: 'ACCOUNT_NOT_FOUND',
      })
      expect(canCreateUploads((await house.now()).status)).toBe(true)
    })
  })
})
