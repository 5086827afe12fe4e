import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Account,
  type AccountEvent,
  canAccessFiles,
  canCreateUploads,
  nextStatus,
} from '../../../shared/accounts/account.ts'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import { followPortals } from '../../../shared/accounts/follow-portals.ts'
import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import { getPortalUploadAcceptance } from '../../../shared/portals/portal.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type AccountHouse, openAccount } from './account-house.ts'

const STATUSES: StorageAccountStatus[] = ['ACTIVE', 'INACTIVE', 'ERROR', 'DISCONNECTED']
const EVENTS: AccountEvent[] = [
  'CONNECTED',
  'DEACTIVATED',
  'REACTIVATED',
  'REACTIVATION_FAILED',
  'DISCONNECTED_BY_USER',
  'GRANT_REFUSED',
  'FAILING',
  'RECOVERED',
]
/** The table of transitions; what it does not name changes nothing. */
const TABLE: [from: StorageAccountStatus[], event: AccountEvent, to: StorageAccountStatus][] = [
  [['ACTIVE'], 'DEACTIVATED', 'INACTIVE'],
  [['ACTIVE', 'INACTIVE', 'ERROR'], 'DISCONNECTED_BY_USER', 'DISCONNECTED'],
  [['ACTIVE', 'INACTIVE', 'ERROR'], 'GRANT_REFUSED', 'DISCONNECTED'],
  [['ACTIVE'], 'FAILING', 'ERROR'],
  [['INACTIVE', 'ERROR', 'DISCONNECTED'], 'REACTIVATED', 'ACTIVE'],
  [['INACTIVE'], 'REACTIVATION_FAILED', 'ERROR'],
  [['ERROR'], 'RECOVERED', 'ACTIVE'],
  [['ERROR'], 'DEACTIVATED', 'INACTIVE'],
  [['ERROR', 'DISCONNECTED'], 'CONNECTED', 'ACTIVE'],
]

let records: RecordTable
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())

const at = (account: Account) => ({ statusOf: () => account.status, nowMs: 0 })

function happens(house: AccountHouse, event: AccountEvent) {
  return handleStorageAccountStatusChange(house, house.account.id, event, {
    actor: 'test',
    reason: event,
  })
}

describe('the table of transitions', () => {
  it.each(STATUSES.flatMap((from) => EVENTS.map((event) => [from, event] as const)))(
    '%s on %s',
    (from, event) => {
      const [row] = TABLE.filter(([froms, on]) => froms.includes(from) && on === event)

      expect(nextStatus(from, event)).toBe(row?.[2])
    },
  )

  it('lets uploads in while ACTIVE, and files out while ACTIVE or INACTIVE', () => {
    expect(STATUSES.filter(canCreateUploads)).toEqual(['ACTIVE'])
    expect(STATUSES.filter(canAccessFiles)).toEqual(['ACTIVE', 'INACTIVE'])
  })
})

it('whatever happens in whatever order: portals follow, the owner’s own wish stays, and only changes are events', async () => {
  const events = fc.array(fc.constantFrom(...EVENTS), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(events, async (sequence) => {
      const house = await openAccount(records.table)
      const open = await house.addPortal()
      const closed = await house.addPortal({ isActive: false, deactivatedBy: 'USER' })
      let status: StorageAccountStatus = 'ACTIVE'
      let changes = 0
      for (const event of sequence) {
        const next = nextStatus(status, event)
        const result = await happens(house, event)

        const wasActive: boolean = status === 'ACTIVE'
        const isActive: boolean = (next ?? status) === 'ACTIVE'
        expect(result).toMatchObject({
          deactivatedPortals: wasActive && !isActive ? 1 : 0,
          reactivatedPortals: !wasActive && isActive ? 1 : 0,
        })
        if (next) changes += 1
        status = next ?? status
        const [account, openNow, closedNow] = await Promise.all([
          house.now(),
          house.portalNow(open),
          house.portalNow(closed),
        ])
        expect(account).toMatchObject({ status, version: 1 + changes })
        expect(account.disconnectedBy === null).toBe(status !== 'DISCONNECTED')
        expect(openNow.isActive).toBe(isActive)
        expect(getPortalUploadAcceptance(openNow, at(account)).acceptsUploads).toBe(isActive)
        expect(closedNow).toMatchObject({ isActive: false, deactivatedBy: 'USER' })
        expect(getPortalUploadAcceptance(closedNow, at(account)).acceptsUploads).toBe(false)
      }
      const written = await house.events()
      const ofAccount = written.filter((event) => event['subjectId'] === house.account.id)
      expect(ofAccount).toHaveLength(changes)
    }),
    { numRuns: 10 },
  )
}, 30_000)

it('two who say the same at once make one change and one event', async () => {
  const house = await openAccount(records.table)
  const portals = await Promise.all([house.addPortal(), house.addPortal()])

  const results = await Promise.all([
    happens(house, 'DEACTIVATED'),
    happens(house, 'DEACTIVATED'),
    happens(house, 'DEACTIVATED'),
  ])

  expect(results.map((result) => result?.deactivatedPortals).sort()).toEqual([0, 0, 2])
  expect((await house.now()).version).toBe(2)
  expect(await house.events()).toHaveLength(1 + portals.length)
})

it('an account of more portals than one transaction takes is followed by the others when its keeper comes', async () => {
  const house = await openAccount(records.table)
  await Promise.all(Array.from({ length: 60 }, () => house.addPortal()))

  const stopped = await happens(house, 'DEACTIVATED')
  expect(stopped).toMatchObject({ deactivatedPortals: 60 })
  expect(await house.openPortals()).toBe(12)
  expect(await followPortals(house, await house.now(), house.clock.now() + 1)).toBe(true)
  expect(await house.openPortals()).toBe(0)

  expect(await happens(house, 'REACTIVATED')).toMatchObject({ reactivatedPortals: 60 })
  expect(await followPortals(house, await house.now(), house.clock.now() + 1)).toBe(true)
  expect(await house.openPortals()).toBe(60)
  const started = (await house.events()).filter((event) => event['type'] === 'portal.reactivated')
  expect(started).toHaveLength(60)
})

it('a keeper that comes when the account has changed again flags nothing', async () => {
  const house = await openAccount(records.table)
  const portal = await house.addPortal()
  const before = await house.now()
  await happens(house, 'DEACTIVATED')

  expect(await followPortals(house, before, house.clock.now() + 1)).toBe(false)
  expect((await house.portalNow(portal)).isActive).toBe(false)
})
