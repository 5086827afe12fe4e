/** What the uploader is given in a browser. */
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { isOpen, PortalVisit } from './portal-visit.ts'
import { browserClock } from './upload/clock.ts'
import type { Visibility } from './upload/delivery-watch.ts'
import { createFileHasher } from './upload/file-hasher.ts'
import { type HandOverStore, memoryHandOverStore } from './upload/hand-over-store.ts'
import { openIndexedDbStore } from './upload/indexed-db-store.ts'
import { createPortalApi } from './upload/portal-api.ts'
import type { Connection, Wire } from './upload/reliable-http.ts'
import { Uploader } from './upload/uploader.ts'
import { xhrHttp } from './upload/xhr-http.ts'

const connection: Connection = {
  isOnline: () => navigator.onLine,
  whenOnline: (signal) =>
    navigator.onLine
      ? Promise.resolve()
      : nextEvent(window, 'online', () => navigator.onLine, signal),
}

const visibility: Visibility = {
  whenVisible: () =>
    nextEvent(document, 'visibilitychange', () => document.visibilityState === 'visible'),
}

const wire: Wire = { http: xhrHttp, clock: browserClock, connection, random: Math.random }

const portalApi = createPortalApi(wire)

export function visitPortal(slug: string): PortalVisit {
  return new PortalVisit(slug, { api: portalApi, storage: tabStorage() })
}

export async function createUploader(
  visit: PortalVisit,
  { portalId, limits }: OpenPortalReply,
): Promise<Uploader> {
  let lastKey = 0
  const startedAt = Date.now().toString(36)
  return new Uploader({
    portal: {
      portalId,
      limits: () => visit.portal?.limits ?? limits,
      token: () => visit.token,
      isOpen: async () => isOpen(await visit.look()),
    },
    wire,
    api: portalApi,
    store: await openStore(portalId),
    hash: createFileHasher(),
    visibility,
    newKey: () => `${startedAt}-${++lastKey}`,
  })
}

function tabStorage(): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    // Forbidden: the password is asked for again after a reload.
    return undefined
  }
}

/** Only one tab of a portal may continue what was left: two would send the same file twice. */
async function openStore(portalId: string): Promise<HandOverStore> {
  try {
    return (await isOnlyTab(portalId)) ? await openIndexedDbStore() : memoryHandOverStore()
  } catch {
    // Private windows may forbid storage: sending works, resuming after a reload does not.
    return memoryHandOverStore()
  }
}

function isOnlyTab(portalId: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true)
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`portage:${portalId}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null)
        // Held until the tab is closed.
        return lock === null ? undefined : new Promise(() => {})
      })
      .catch(reject)
  })
}

function nextEvent(
  target: EventTarget,
  name: string,
  isSo: () => boolean,
  signal?: AbortSignal,
): Promise<void> {
  if (isSo()) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      target.removeEventListener(name, check)
      signal?.removeEventListener('abort', stop)
      outcome()
    }
    const check = () => {
      if (isSo()) settle(resolve)
    }
    const stop = () => settle(() => reject(signal?.reason))
    target.addEventListener(name, check)
    signal?.addEventListener('abort', stop)
  })
}
