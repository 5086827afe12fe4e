/** `Portage/{portal name}/{client's folders}` at the provider, each made once. */
import type { PortalStore } from '../portals/portal-store.ts'
import { Rejected } from '../providers/failures.ts'
import { safeSegment } from '../providers/names.ts'
import type { ProviderAuth, StorageProvider } from '../providers/provider.ts'
import type { Delivery } from './delivery-store.ts'
import type { Folder, FolderStore } from './folder-store.ts'

export interface PortalFolders {
  /** The folder into which a delivery goes. */
  ensure(
    provider: StorageProvider,
    auth: ProviderAuth,
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<Folder>
  /** The provider no longer has the folder: from its top on each is looked at again. */
  recheck(
    provider: StorageProvider,
    auth: ProviderAuth,
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<Folder>
}

const ROOT_NAME = 'Portage'
/** A warm environment remembers the folders of this many deliveries' places. */
const REMEMBERED = 500

interface Level {
  path: string
  name: string
}

/** Keys go by the portal's id, so that a renamed portal keeps its folder. */
function pathOf(delivery: Delivery): string {
  return ['root', delivery.portalId, ...delivery.folders].join('/')
}

export function portalFolders(deps: {
  folders: FolderStore
  portals: Pick<PortalStore, 'find'>
}): PortalFolders {
  const remembered = new Map<string, Folder>()

  function remember(place: string, folder: Folder): Folder {
    const oldest = remembered.keys().next()
    if (remembered.size >= REMEMBERED && !oldest.done) remembered.delete(oldest.value)
    remembered.set(place, folder)
    return folder
  }

  async function walk(
    provider: StorageProvider,
    auth: ProviderAuth,
    delivery: Delivery,
    trustRecord: boolean,
    signal: AbortSignal,
  ): Promise<Folder> {
    const portal = await deps.portals.find(delivery.portalId)
    const segments = ['root', delivery.portalId, ...delivery.folders]
    const names = [ROOT_NAME, safeSegment(portal?.name ?? delivery.portalId), ...delivery.folders]
    let parent: Folder | undefined
    for (const [depth, name] of names.entries()) {
      const level = { path: segments.slice(0, depth + 1).join('/'), name }
      parent = await ensureLevel(
        provider,
        auth,
        delivery.accountId,
        level,
        parent,
        trustRecord,
        signal,
      )
    }
    if (!parent) throw new Error('A portal folder has at least one level')
    return parent
  }

  async function ensureLevel(
    provider: StorageProvider,
    auth: ProviderAuth,
    accountId: string,
    level: Level,
    parent: Folder | undefined,
    trustRecord: boolean,
    signal: AbortSignal,
  ): Promise<Folder> {
    const displayPath = parent ? `${parent.displayPath}/${level.name}` : level.name
    const fresh = async () => ({
      folderId: await reserveId(provider, auth, signal),
      displayPath,
    })
    const known = await deps.folders.find(accountId, level.path)
    if (known?.created && trustRecord) return known
    const folder = known ?? (await deps.folders.reserve(accountId, level.path, await fresh()))
    const make = async (each: Folder): Promise<Folder> => {
      await provider.ensureFolder(
        auth,
        {
          folderId: each.folderId,
          name: level.name,
          ...(parent ? { parentId: parent.folderId } : {}),
        },
        signal,
      )
      await deps.folders.confirm(accountId, level.path, each.folderId)
      return each
    }
    try {
      return await make(folder)
    } catch (error) {
      if (!isGone(error)) throw error
      // The owner has deleted it: a new one takes its place.
      return make(await deps.folders.replace(accountId, level.path, folder.folderId, await fresh()))
    }
  }

  return {
    async ensure(provider, auth, delivery, signal) {
      const place = `${delivery.accountId}/${pathOf(delivery)}`
      const known =
        remembered.get(place) ?? (await deps.folders.find(delivery.accountId, pathOf(delivery)))
      if (known?.created) return remember(place, known)
      const folder = await walk(provider, auth, delivery, true, signal)
      return remember(place, { ...folder, created: true })
    },

    async recheck(provider, auth, delivery, signal) {
      remembered.clear()
      return walk(provider, auth, delivery, false, signal)
    },
  }
}

function isGone(error: unknown): boolean {
  return (
    error instanceof Rejected && (error.reason === 'FOLDER_GONE' || error.reason === 'ID_UNUSABLE')
  )
}

async function reserveId(
  provider: StorageProvider,
  auth: ProviderAuth,
  signal: AbortSignal,
): Promise<string> {
  const [id] = await provider.reserveIds(auth, 1, signal)
  if (id === undefined) throw new Error('The provider reserved no id')
  return id
}
