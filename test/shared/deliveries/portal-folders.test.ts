import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../../shared/platform/ids.ts'
import { transact } from '../../../shared/platform/table.ts'
import type { Portal } from '../../../shared/portals/portal.ts'
import type { FolderTarget } from '../../../shared/providers/provider.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { newPortal } from '../../support/make.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { type House, openHouse } from './delivery-house.ts'

const CONTENT = Buffer.from('Dear Sir or Madam')
const CHOSEN = 'Clients/2026/Letters'

let records: RecordTable
let house: House
/** Folders as the provider was asked for them. */
let folders: FolderTarget[]

beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openHouse(records.table)
  folders = []
  const ensure = house.provider.ensureFolder
  house.provider.ensureFolder = async (auth, folder, signal) => {
    folders.push(folder)
    return ensure(auth, folder, signal)
  }
})

async function deliver(over: Partial<Upload> = {}): Promise<Upload> {
  const upload = await house.handOver(CONTENT, { fileName: `${newId('upload', 0)}.txt`, ...over })
  return arrive(upload)
}

async function arrive(upload: Upload): Promise<Upload> {
  await house.worker().deliver(upload.id)
  return house.uploadOf(upload.id)
}

async function portalNow(portal: Portal = house.portal): Promise<Portal> {
  const now = await house.portals.find(portal.id)
  if (!now) throw new Error('the portal is gone')
  return now
}

async function change(over: Partial<Portal>): Promise<void> {
  const before = await portalNow()
  const after = { ...before, ...over, version: before.version + 1 }
  await transact(records.table, house.portals.change(before, after))
}

function folderOf(upload: Upload): string | undefined {
  return house.provider.files().find(({ id }) => id === upload.storageFileId)?.folderId
}

const names = () => folders.map(({ name }) => name)

describe('the folder of a portal', () => {
  it('is its own below Portage, and the portal knows it without being changed', async () => {
    const upload = await deliver()

    expect(upload.storagePath).toBe(`Portage/Letters/${upload.fileName}`)
    expect(names()).toEqual(['Portage', 'Letters'])
    expect(await portalNow()).toMatchObject({ ...house.portal, storageFolderId: folderOf(upload) })
  })

  it('stays when the portal is renamed', async () => {
    const first = await deliver()
    await change({ name: 'Other letters' })
    const second = await deliver()

    expect(folderOf(second)).toBe(folderOf(first))
    expect(second.storagePath).toBe(`Portage/Letters/${second.fileName}`)
  })

  it('is the path that its owner has chosen, each segment a folder in the one before', async () => {
    await change({ storageFolderPath: CHOSEN })
    const upload = await deliver({ storageFolderPath: CHOSEN, folders: ['Ada'] })

    expect(upload.storagePath).toBe(`${CHOSEN}/Ada/${upload.fileName}`)
    expect(names()).toEqual(['Clients', '2026', 'Letters', 'Ada'])
    const [top, ...below] = folders
    expect(top).not.toHaveProperty('parentId')
    expect(below.map(({ parentId }) => parentId)).toEqual(
      folders.slice(0, -1).map(({ folderId }) => folderId),
    )
    expect(await portalNow()).toMatchObject({ storageFolderId: folders[2]?.folderId, version: 2 })
  })

  it('is another for later files alone when its owner chooses another', async () => {
    const first = await deliver()
    const onItsWay = await house.handOver(CONTENT, { fileName: 'on its way.txt' })
    await change({ storageFolderPath: CHOSEN, storageFolderId: null })

    const early = await arrive(onItsWay)
    expect(folderOf(early)).toBe(folderOf(first))
    expect(await portalNow()).toMatchObject({ storageFolderId: null })

    const late = await deliver({ storageFolderPath: CHOSEN })
    expect(late.storagePath).toBe(`${CHOSEN}/${late.fileName}`)
    expect(folderOf(late)).not.toBe(folderOf(first))
    expect(await portalNow()).toMatchObject({ storageFolderId: folderOf(late) })
  })

  it('below Portage is in the one folder of that name', async () => {
    await deliver()
    await deliver({ storageFolderPath: 'Portage/Letters' })

    expect(names()).toEqual(['Portage', 'Letters', 'Letters'])
  })

  it('that a client names after another portal is not that portal’s', async () => {
    const own = await deliver()
    const strange = await deliver({ storageFolderPath: 'Portage', folders: [house.portal.id] })

    expect(folderOf(strange)).not.toBe(folderOf(own))
    expect(strange.storagePath).toBe(`Portage/${house.portal.id}/${strange.fileName}`)
  })

  it('is made anew when its owner has thrown it away, and the portal learns of it', async () => {
    const first = await deliver()
    house.provider.trash(folderOf(first) ?? '')
    const second = await deliver()

    expect(folderOf(second)).not.toBe(folderOf(first))
    expect(await portalNow()).toMatchObject({ storageFolderId: folderOf(second) })
  })
})

describe('a folder that portals share', () => {
  let second: Portal
  beforeEach(async () => {
    second = { ...newPortal(house.account, house.clock.now()), storageFolderPath: CHOSEN }
    await transact(records.table, house.portals.create(second))
    await change({ storageFolderPath: CHOSEN })
  })

  it('is one, and each of them knows it', async () => {
    const first = await deliver({ storageFolderPath: CHOSEN })
    const other = await deliver({ storageFolderPath: CHOSEN, portalId: second.id })

    expect(folderOf(other)).toBe(folderOf(first))
    expect(names()).toEqual(['Clients', '2026', 'Letters'])
    expect(await portalNow()).toMatchObject({ storageFolderId: folderOf(first) })
    expect(await portalNow(second)).toMatchObject({ storageFolderId: folderOf(first), version: 1 })
  })

  it('has each name once, however the portals divide the path', async () => {
    await house.handOver(CONTENT, { storageFolderPath: CHOSEN })
    const taken = (over: Partial<Upload>) =>
      expect(house.handOver(CONTENT, { portalId: second.id, ...over })).rejects.toThrow()

    await taken({ storageFolderPath: CHOSEN })
    await taken({ storageFolderPath: CHOSEN, fileName: 'LETTER.txt' })
    await taken({ storageFolderPath: 'Clients/2026', folders: ['Letters'] })
    await house.handOver(CONTENT, { portalId: second.id })
  })
})
