/**
 * `{portal's folder}/{client's folders}` at the provider, each made once. The portal's folder is
 * `Portage/{portal name}`, or the path that its owner has chosen, which portals may share.
 */
import type { Portal } from '../portals/portal.ts'
import type { PortalStore } from '../portals/portal-store.ts'
import { Rejected } from '../providers/failures.ts'
import { nameAtProvider, numberedName, safeSegment } from '../providers/names.ts'
import type {
  PathProvider,
  ProviderAuth,
  ReservingProvider,
  StorageProvider,
} from '../providers/provider.ts'
import type { Delivery } from './delivery.ts'
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
/** An owner deletes a folder once; of files that stand where a folder should be there may be many. */
const MOST_PLACES = { reserved: 2, paths: 100 } as const
/** A warm environment remembers the folders of this many deliveries' places. */
const REMEMBERED = 500

/** A folder: its key in our records, and its name, which for a portal's own folder the portal knows. */
interface Level {
  path: string
  name: string | undefined
}

/**
 * The folders from the top down, and how many of them are the portal's. Its own is kept by its id, so
 * that a portal that is renamed keeps it; a chosen one by its path.
 */
function levelsOf({ portalId, storageFolderPath, folders }: Delivery): {
  levels: Level[]
  ofPortal: number
} {
  const root = { path: 'root', name: ROOT_NAME }
  const names = storageFolderPath?.split('/') ?? []
  const chosen = names.map((name, depth) => ({
    path: ['chosen', ...names.slice(0, depth + 1)].join('/'),
    name,
  }))
  const own =
    storageFolderPath === undefined
      ? [root, { path: `root/${portalId}`, name: undefined }]
      : [...(names[0] === ROOT_NAME ? [root] : chosen.slice(0, 1)), ...chosen.slice(1)]
  const top = storageFolderPath === undefined ? `root/${portalId}` : `chosen/${storageFolderPath}`
  const below = folders.map((name, depth) => ({
    path: [top, ...folders.slice(0, depth + 1)].join('/'),
    name,
  }))
  return { levels: [...own, ...below], ofPortal: own.length }
}

export function portalFolders(deps: {
  folders: FolderStore
  portals: Pick<PortalStore, 'find' | 'noteFolder'>
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
    const { levels, ofPortal } = levelsOf(delivery)
    let parent: Folder | undefined
    for (const [depth, { path, name }] of levels.entries()) {
      parent = await ensureLevel(
        provider,
        auth,
        delivery.accountId,
        { path, name: name ?? safeSegment(portal?.name ?? delivery.portalId) },
        parent,
        trustRecord,
        signal,
      )
      if (portal && depth === ofPortal - 1) await noteFolder(portal, delivery, parent)
    }
    if (!parent) throw new Error('A portal folder has at least one level')
    return parent
  }

  /** The portal tells its owner where its files go from now on; those of an earlier choice say nothing. */
  async function noteFolder(portal: Portal, delivery: Delivery, { folderId }: Folder) {
    const isCurrent =
      portal.storageAccountId === delivery.accountId &&
      portal.storageFolderPath === (delivery.storageFolderPath ?? null)
    if (isCurrent && portal.storageFolderId !== folderId) {
      await deps.portals.noteFolder(portal, folderId)
    }
  }

  async function ensureLevel(
    provider: StorageProvider,
    auth: ProviderAuth,
    accountId: string,
    level: { path: string; name: string },
    parent: Folder | undefined,
    trustRecord: boolean,
    signal: AbortSignal,
  ): Promise<Folder> {
    const fresh = async (lostId?: string) => {
      const { folderId, name } =
        provider.ids === 'paths'
          ? await freePath(provider, accountId, level, parent, lostId)
          : { folderId: await reserveId(provider, auth, signal), name: level.name }
      return { folderId, displayPath: parent ? `${parent.displayPath}/${name}` : name }
    }
    const known = await deps.folders.find(accountId, level.path)
    if (known?.created && trustRecord) return known
    let folder = known ?? (await deps.folders.reserve(accountId, level.path, await fresh()))
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
    for (let round = 1; ; round += 1) {
      try {
        return await make(folder)
      } catch (error) {
        if (!isGone(error) || round === MOST_PLACES[provider.ids]) throw error
        // The owner has deleted it, or a file stands at its path: a new one takes its place.
        const { folderId } = folder
        folder = await deps.folders.replace(accountId, level.path, folderId, await fresh(folderId))
      }
    }
  }

  /** A path that no other folder of ours has, behind the one at which a file stands. */
  async function freePath(
    provider: PathProvider,
    accountId: string,
    level: { path: string; name: string },
    parent: Folder | undefined,
    lostId: string | undefined,
  ): Promise<{ folderId: string; name: string }> {
    const wanted = nameAtProvider(provider.id, level.name)
    let isBehind = lostId === undefined
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? wanted : numberedName(wanted, number)
      const folderId = provider.idAt({ name, ...(parent && { parentId: parent.folderId }) })
      if (isBehind && (await deps.folders.claim(accountId, folderId, level.path))) {
        return { folderId, name }
      }
      isBehind ||= folderId === lostId
    }
  }

  return {
    async ensure(provider, auth, delivery, signal) {
      const path = levelsOf(delivery).levels.at(-1)?.path ?? ''
      const place = `${delivery.accountId}/${path}`
      const known =
        remembered.get(place) ??
        // A chosen folder may be known of another portal, and this one is still to be told of it.
        (delivery.storageFolderPath === undefined
          ? await deps.folders.find(delivery.accountId, path)
          : undefined)
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
  provider: ReservingProvider,
  auth: ProviderAuth,
  signal: AbortSignal,
): Promise<string> {
  const [id] = await provider.reserveIds(auth, 1, signal)
  if (id === undefined) throw new Error('The provider reserved no id')
  return id
}
