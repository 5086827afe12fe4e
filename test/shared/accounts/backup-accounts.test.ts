/** A portal of two accounts: its own, and one that stands in for it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Account, AccountEvent } from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { followPortals } from '../../../shared/accounts/follow-portals.ts'
import { type TendDeps, tendAccount } from '../../../shared/accounts/tend-account.ts'
import { HOUR_MS, MINUTE_MS } from '../../../shared/platform/clock.ts'
import type { Portal } from '../../../shared/portals/portal.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { openHouse } from '../deliveries/delivery-house.ts'
import { openPortalHouse, type PortalHouse } from '../portals/portal-house.ts'

let records: RecordTable
let house: PortalHouse
let portalId: string
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openPortalHouse(records.table)
  const { id } = await house.create({ backupStorageAccountIds: [house.second.id] })
  portalId = id
})

const happens = (account: Account, event: AccountEvent) =>
  handleStorageAccountStatusChange(house, account.id, event, { actor: 'test', reason: event })

async function portalNow(): Promise<Portal> {
  const portal = await house.portals.find(portalId)
  if (!portal) throw new Error('the portal is gone')
  return portal
}

async function tells(): Promise<string[]> {
  return (await house.events(portalId)).map(({ type }) => String(type)).sort()
}

describe('a portal with a backup account', () => {
  it('stays open when its own account stops, and nobody is told otherwise', async () => {
    const stopped = await happens(house.account, 'DEACTIVATED')

    expect(stopped?.deactivatedPortals).toBe(0)
    expect((await portalNow()).isActive).toBe(true)
    expect(await tells()).toEqual(['portal.created'])
  })

  it('stops when the last of them does, for the reason of its own account', async () => {
    await happens(house.account, 'GRANT_REFUSED')
    const stopped = await happens(house.second, 'DEACTIVATED')

    expect(stopped?.deactivatedPortals).toBe(1)
    expect(await portalNow()).toMatchObject({
      isActive: false,
      deactivatedBy: 'SYSTEM',
      deactivationReason: 'STORAGE_DISCONNECTED',
      autoDeactivatedAccountId: house.account.id,
    })
  })

  it.each(['account', 'second'] as const)(
    'opens again with %s, whichever comes first',
    async (which) => {
      await happens(house.account, 'DEACTIVATED')
      await happens(house.second, 'DEACTIVATED')
      const started = await happens(house[which], 'REACTIVATED')

      expect(started?.reactivatedPortals).toBe(1)
      expect(await portalNow()).toMatchObject({ isActive: true, deactivatedBy: null })
      expect(await tells()).toEqual(['portal.created', 'portal.deactivated', 'portal.reactivated'])
    },
  )

  it('that its owner closed stays closed whatever the accounts do', async () => {
    await house.update({ id: portalId, version: 1 }, { isActive: false })
    await happens(house.account, 'DEACTIVATED')
    await happens(house.second, 'DEACTIVATED')
    await happens(house.second, 'REACTIVATED')

    expect(await portalNow()).toMatchObject({ isActive: false, deactivatedBy: 'USER' })
  })

  it('is stopped by the keepers when both accounts stop at the same moment', async () => {
    await Promise.all([happens(house.account, 'DEACTIVATED'), happens(house.second, 'DEACTIVATED')])
    for (const { id } of [house.account, house.second]) {
      const account = await house.accounts.find(id)
      if (!account) throw new Error('the account is gone')
      expect(await followPortals(house, account, house.clock.now() + 1)).toBe(true)
    }

    expect((await portalNow()).isActive).toBe(false)
    expect(await tells()).toEqual(['portal.created', 'portal.deactivated'])
  })

  it('is no longer held open by a backup that its owner has taken away', async () => {
    await happens(house.account, 'DEACTIVATED')
    const portal = await portalNow()
    await house.update(portal, { backupStorageAccountIds: [] })
    expect(await portalNow()).toMatchObject({
      isActive: false,
      deactivatedBy: 'SYSTEM',
      deactivationReason: 'STORAGE_INACTIVE',
    })

    await happens(house.second, 'DEACTIVATED')
    expect((await happens(house.second, 'REACTIVATED'))?.reactivatedPortals).toBe(0)
    expect((await portalNow()).isActive).toBe(false)
  })

  it('opens at once when its owner names a backup that takes files', async () => {
    await house.update(await portalNow(), { backupStorageAccountIds: [] })
    await happens(house.account, 'DEACTIVATED')
    expect((await portalNow()).isActive).toBe(false)

    await house.update(await portalNow(), { backupStorageAccountIds: [house.second.id] })
    expect(await portalNow()).toMatchObject({ isActive: true, deactivatedBy: null })
  })

  it('that was deleted is in no account’s list any more', async () => {
    await house.delete(portalId)

    for (const { id } of [house.account, house.second]) {
      const pages: Portal[][] = []
      for await (const page of house.portals.pagesByAccount(id)) pages.push(page)
      expect(pages.flat()).toEqual([])
    }
  })
})

/** Tends an account whose health is known for another while, so that nothing is asked of its provider. */
async function tend(
  of: Pick<TendDeps, 'table' | 'accounts' | 'portals' | 'clock' | 'deliveries'>,
  accountId: string,
  usedBytes: number,
): Promise<void> {
  const account = await of.accounts.find(accountId)
  if (!account) throw new Error('the account is gone')
  await of.accounts.noteProbe(account, {
    failures: 0,
    probeAtMs: of.clock.now() + HOUR_MS,
    lastError: null,
    lastAccessedAt: null,
    quota: { usedBytes, totalBytes: 100 },
  })
  const unasked = () => {
    throw new Error('nothing is asked of the provider')
  }
  await tendAccount(
    {
      table: of.table,
      accounts: of.accounts,
      portals: of.portals,
      clock: of.clock,
      deliveries: of.deliveries,
      grants: { mustBeThatRead: unasked },
      freshToken: unasked,
      provider: unasked,
      random: () => 0.5,
    },
    accountId,
    of.clock.now() + 5 * MINUTE_MS,
  )
}

describe('the keeper of a backup account', () => {
  let released: { accountId: string; roomAgain: boolean; ofPortals?: string[] }[]
  beforeEach(() => {
    released = []
  })
  const deliveries: TendDeps['deliveries'] = {
    async releaseHeld(accountId, { roomAgain, ofPortals }) {
      released.push({ accountId, roomAgain, ...(ofPortals ? { ofPortals: [...ofPortals] } : {}) })
      return true
    },
  }

  it('wakes what its portals’ own accounts hold up, and nothing of other portals', async () => {
    await house.create({ storageAccountId: house.account.id })
    await tend({ ...house, deliveries }, house.second.id, 10)

    expect(released).toEqual([
      { accountId: house.second.id, roomAgain: true },
      { accountId: house.account.id, roomAgain: true, ofPortals: [portalId] },
    ])
  })

  it('wakes nothing for an account that is full itself', async () => {
    await tend({ ...house, deliveries }, house.second.id, 100)

    expect(released).toEqual([{ accountId: house.second.id, roomAgain: false }])
  })
})

it('a file that no account took arrives at the backup as soon as that is back', async () => {
  const story = await openHouse(records.table, { hasBackup: true })
  const turn = (account: Account, event: AccountEvent) =>
    handleStorageAccountStatusChange(story, account.id, event, { actor: 'test', reason: event })
  const upload = await story.handOver(Buffer.from('Dear Sir or Madam'))
  await turn(story.account, 'GRANT_REFUSED')
  await turn(story.backup, 'DEACTIVATED')
  await story.worker().deliver(upload.id)
  expect(await story.uploadOf(upload.id)).toMatchObject({ status: 'held' })

  await turn(story.backup, 'REACTIVATED')
  await tend(story, story.backup.id, 10)

  expect(await story.sweep(1)).toContain(upload.id)
  await story.worker().deliver(upload.id)
  await story.worker().deliver(upload.id)
  expect(await story.uploadOf(upload.id)).toMatchObject({
    status: 'uploaded',
    storageAccountId: story.backup.id,
  })
})
