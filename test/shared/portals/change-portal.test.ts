import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { handleStorageAccountStatusChange } from '../../../shared/accounts/change-account-status.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { DAY_MS } from '../../../shared/platform/clock.ts'
import { transact } from '../../../shared/platform/table.ts'
import { getPortal, listPortals } from '../../../shared/portals/manage-portals.ts'
import { newAccount } from '../../support/make.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { openPortalHouse, type PortalHouse } from './portal-house.ts'

let records: RecordTable
let house: PortalHouse
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openPortalHouse(records.table)
})

const cause = { actor: 'test', reason: 'test' }
const now = (portal: { id: string }) => getPortal(house, house.account.userId, portal.id)
const stopAccount = () =>
  handleStorageAccountStatusChange(house, house.account.id, 'DEACTIVATED', cause)
const startAccount = () =>
  handleStorageAccountStatusChange(house, house.account.id, 'REACTIVATED', cause)

describe('a new portal (A10, A13, A17)', () => {
  it('has the defaults of everything that is not asked for', async () => {
    expect(await house.create()).toMatchObject({
      isActive: true,
      _count: { uploads: 0 },
      requireClientName: false,
      requireClientEmail: false,
      fields: { clientName: 'optional', clientEmail: 'optional', clientMessage: 'optional' },
      allowedTypes: [],
      maxFileBytes: null,
      passwordRequired: false,
      acceptsUploads: true,
      version: 1,
    })
  })

  it('maps the printed flags onto the three-valued rules', async () => {
    const portal = await house.create({
      requireClientName: true,
      fields: { clientEmail: 'hidden' },
    })

    expect(portal.fields).toMatchObject({ clientName: 'required', clientEmail: 'hidden' })
    expect(portal).toMatchObject({ requireClientName: true, requireClientEmail: false })
    expect(() =>
      house.request({ requireClientName: true, fields: { clientName: 'hidden' } }),
    ).toThrow('contradicts fields.clientName')
  })

  it('begins as another is when it is cloned, but for what is asked for', async () => {
    const first = await house.create({
      instructions: 'Everything of 2026',
      allowedTypes: ['.PDF', '.pdf', 'image/*'],
      maxFiles: 10,
      password: 'correct horse',
      clientFolders: true,
      storageFolderPath: 'Clients/2026/',
    })
    const clone = await house.create({ cloneOf: first.id, maxFiles: 20 })

    expect(clone).toMatchObject({
      instructions: 'Everything of 2026',
      allowedTypes: ['.pdf', 'image/*'],
      maxFiles: 20,
      passwordRequired: true,
      clientFolders: true,
      storageFolderPath: 'Clients/2026',
    })
    expect(clone.id).not.toBe(first.id)
  })

  it('of one link is made once, however many ask at once', async () => {
    const slug = house.request().slug
    const made = await Promise.allSettled(Array.from({ length: 50 }, () => house.create({ slug })))

    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refusals = made.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
    // Fifty that name one account at once also get into each other's way there.
    expect(refusals.filter((code) => !['SLUG_TAKEN', 'BUSY'].includes(code))).toEqual([])
  })

  it('is bound to accounts of its owner only', async () => {
    const stranger = newAccount(house.clock.now())
    await transact(records.table, [house.accounts.create(stranger)])

    await expect(house.create({ storageAccountId: stranger.id })).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      fields: [{ field: 'storageAccountId' }],
    })
    await expect(house.create({ backupStorageAccountIds: [stranger.id] })).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      fields: [{ field: 'backupStorageAccountIds' }],
    })
    await expect(
      house.create({ backupStorageAccountIds: [house.account.id] }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  it('is bound to an account that is ACTIVE', async () => {
    await stopAccount()

    await expect(house.create()).rejects.toMatchObject({ code: 'ACCOUNT_NOT_ACTIVE' })
  })

  it('lies in a folder below the top, never beside it', async () => {
    for (const storageFolderPath of ['/etc', 'a/../b', '..']) {
      await expect(house.create({ storageFolderPath })).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        fields: [{ field: 'storageFolderPath' }],
      })
    }
  })
})

describe('a change', () => {
  it('needs the version that it changes, and meets nothing else', async () => {
    const portal = await house.create()
    const changed = await house.update(portal, { name: 'Papers' })

    expect(changed).toMatchObject({ name: 'Papers', version: 2, slug: portal.slug })
    await expect(house.updateUnseen(portal.id, undefined)).rejects.toMatchObject({
      code: 'VERSION_REQUIRED',
    })
    await expect(house.update(portal, { name: 'Old' })).rejects.toMatchObject({
      code: 'VERSION_STALE',
    })
    await expect(house.updateUnseen(portal.id, 'W/"2"')).rejects.toMatchObject({
      code: 'VERSION_STALE',
    })
    expect(await now(portal)).toMatchObject({ name: 'Papers', version: 2 })
    expect(await house.updateUnseen(portal.id, '"1", "2"')).toMatchObject({ version: 3 })
  })

  it('of nothing is none, and leaves no event', async () => {
    const portal = await house.create()
    const same = await house.update(portal, { name: portal.name, password: null })

    expect(same).toMatchObject({ version: 1, updatedAt: portal.updatedAt })
    expect(await house.update(portal, {})).toMatchObject({ version: 1 })
    expect(await house.events(portal.id)).toHaveLength(1)
  })

  it('of links is limited for each owner and day', async () => {
    const portal = await house.create()
    const rule = { purpose: 'link', times: 500, perMs: DAY_MS }
    const { userId } = house.account
    for (;;) {
      const taken = await Promise.all(
        Array.from({ length: 100 }, () => house.limits.take(rule, userId)),
      )
      if (taken.some(({ retryAfterMs }) => retryAfterMs > 0)) break
    }

    const refused = { code: 'TOO_MANY_ATTEMPTS' }
    await expect(house.create()).rejects.toMatchObject(refused)
    await expect(house.update(portal, { slug: `${portal.slug}-2` })).rejects.toMatchObject(refused)
    const renamed = await house.update(portal, { name: 'Papers', slug: portal.slug })
    house.clock.advance(DAY_MS)
    expect(await house.update(renamed, { slug: `${portal.slug}-2` })).toMatchObject({ version: 3 })
  })

  it('of many at once on one version is made once', async () => {
    const portal = await house.create()
    const changes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => house.update(portal, { name: `Name ${index}` })),
    )

    expect(changes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await house.events(portal.id)).toHaveLength(2)
  })

  it('names in its event what was changed, and nothing of what it holds', async () => {
    const portal = await house.create()
    await house.update(portal, { name: 'Secret name', password: 'correct horse' })

    const event = (await house.events(portal.id)).find(({ type }) => type === 'portal.updated')
    expect(event).toMatchObject({ reason: 'name,passwordHash' })
    expect(JSON.stringify(event)).not.toContain('Secret name')
  })

  it('of the link leaves the old one to its owner alone', async () => {
    const portal = await house.create()
    const moved = await house.update(portal, { slug: `${portal.slug}-new` })

    expect(await house.portals.findBySlug(portal.slug)).toBeUndefined()
    expect((await house.portals.findBySlug(moved.slug))?.id).toBe(portal.id)
    const stranger = newAccount(house.clock.now())
    await transact(records.table, [house.accounts.create(stranger)])
    await expect(
      house.create({ slug: portal.slug, storageAccountId: stranger.id }, stranger.userId),
    ).rejects.toMatchObject({ code: 'SLUG_TAKEN' })
    expect((await house.create({ slug: portal.slug })).slug).toBe(portal.slug)
  })

  it('of the account affects later files only, and goes by its new account from then on', async () => {
    const portal = await house.create()
    const moved = await house.update(portal, { storageAccountId: house.second.id })

    expect(moved.storageAccountId).toBe(house.second.id)
    expect(await stopAccount()).toMatchObject({ deactivatedPortals: 0 })
    expect(await now(portal)).toMatchObject({ isActive: true, acceptsUploads: true })
  })

  it('to an account that takes nothing is refused', async () => {
    const portal = await house.create()
    await handleStorageAccountStatusChange(house, house.second.id, 'DEACTIVATED', cause)

    await expect(house.update(portal, { storageAccountId: house.second.id })).rejects.toMatchObject(
      { code: 'ACCOUNT_NOT_ACTIVE' },
    )
  })

  it('of a limit moves what is left, counting what was delivered', async () => {
    const portal = await house.create()
    await transact(records.table, [
      house.portals.addToCount(portal.id, 0, { files: 3, bytes: 300 }),
    ])
    const remaining = async () => (await house.portals.remainingOf([portal.id])).get(portal.id)

    const limited = await house.update(portal, { maxFiles: 5, maxTotalBytes: 1000 })
    expect(await remaining()).toMatchObject({ remainingFiles: 2, remainingBytes: 700 })
    const wider = await house.update(limited, { maxFiles: 10 })
    expect(await remaining()).toMatchObject({ remainingFiles: 7, remainingBytes: 700 })
    const full = await house.update(wider, { maxFiles: 3, maxTotalBytes: null })
    expect(full).toMatchObject({ acceptsUploads: false, reason: 'LIMIT_REACHED' })
    // A limit that is lifted looks at nothing, and is counted on in case that it comes back.
    const open = await house.update(full, { maxFiles: null })
    expect(open.acceptsUploads).toBe(true)
    expect(await remaining()).toMatchObject({ remainingFiles: 0, remainingBytes: 700 })
  })
})

describe('who has stopped a portal (A9, C24)', () => {
  const states = ({ isActive, deactivatedBy, deactivationReason }: PortalReply) => [
    isActive,
    deactivatedBy,
    deactivationReason,
  ]

  it('the system, and the account’s return starts it', async () => {
    const portal = await house.create()
    await stopAccount()
    expect(states(await now(portal))).toEqual([false, 'SYSTEM', 'STORAGE_INACTIVE'])

    await startAccount()
    expect(states(await now(portal))).toEqual([true, null, null])
  })

  it('the owner, and the account’s return leaves it closed', async () => {
    const portal = await house.create()
    const closed = await house.update(portal, { isActive: false })
    expect(states(closed)).toEqual([false, 'USER', 'CLOSED_BY_OWNER'])
    await stopAccount()
    await startAccount()

    expect(states(await now(portal))).toEqual([false, 'USER', 'CLOSED_BY_OWNER'])
    expect(states(await house.update(closed, { isActive: true }))).toEqual([true, null, null])
  })

  it('first the system and then the owner: then it is the owner’s', async () => {
    const portal = await house.create()
    await stopAccount()
    await house.update(await now(portal), { isActive: false })
    await startAccount()

    expect(states(await now(portal))).toEqual([false, 'USER', 'CLOSED_BY_OWNER'])
  })

  it('nobody any more, when it moves to an account that works', async () => {
    const portal = await house.create()
    await stopAccount()

    const moved = await house.update(await now(portal), { storageAccountId: house.second.id })
    expect(states(moved)).toEqual([true, null, null])
  })

  it('cannot be opened by hand while no account takes files', async () => {
    const portal = await house.create()
    await stopAccount()

    await expect(house.update(await now(portal), { isActive: true })).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_ACTIVE',
    })
    const backedUp = await house.update(await now(portal), {
      backupStorageAccountIds: [house.second.id],
    })
    expect(backedUp.acceptsUploads).toBe(true)
  })
})

describe('a portal that is deleted (C25)', () => {
  it('is gone from the lists and from its link, once', async () => {
    const portal = await house.create()

    expect(await house.delete(portal.id)).toEqual({
      success: true,
      message: 'Portal deleted successfully',
    })
    const { portals } = await listPortals(house, house.account.userId, 100, undefined)
    expect(portals).toEqual([])
    expect(await house.portals.findBySlug(portal.slug)).toBeUndefined()
    await expect(now(portal)).rejects.toMatchObject({ code: 'PORTAL_NOT_FOUND' })
    await expect(house.delete(portal.id)).rejects.toMatchObject({ code: 'PORTAL_NOT_FOUND' })
    expect((await house.portals.find(portal.id))?.name).toBe('Letters')
  })

  it('is not started by the return of its account', async () => {
    const portal = await house.create()
    await stopAccount()
    await house.delete(portal.id)

    expect(await startAccount()).toMatchObject({ reactivatedPortals: 0 })
  })
})
