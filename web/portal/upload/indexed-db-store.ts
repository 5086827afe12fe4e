/**
 * Hand-overs in IndexedDB, database `portage`:
 *   handOvers  by portalId         SavedHandOver
 *   files      by [portalId, key]  SavedFile
 */
import type { HandOverStore, SavedFile, SavedHandOver } from './hand-over-store.ts'

type FileRecord = SavedFile & { portalId: string }

/** Ten thousand records in one go would freeze the page for a moment. */
const FILES_PER_WRITE = 500

export async function openIndexedDbStore(): Promise<HandOverStore> {
  const opening = indexedDB.open('portage', 1)
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('handOvers', { keyPath: 'portalId' })
    opening.result.createObjectStore('files', { keyPath: ['portalId', 'key'] })
  }
  const database = await settled(opening)

  const allOf = (portalId: string) => IDBKeyRange.bound([portalId], [portalId, []])

  async function write(work: (handOvers: IDBObjectStore, files: IDBObjectStore) => void) {
    const transaction = database.transaction(['handOvers', 'files'], 'readwrite')
    work(transaction.objectStore('handOvers'), transaction.objectStore('files'))
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = transaction.onerror = () => reject(transaction.error)
    })
  }

  return {
    async load(portalId) {
      const transaction = database.transaction(['handOvers', 'files'])
      const [handOver, files] = await Promise.all([
        settled<SavedHandOver | undefined>(transaction.objectStore('handOvers').get(portalId)),
        settled<FileRecord[]>(transaction.objectStore('files').getAll(allOf(portalId))),
      ])
      return handOver && { handOver, files: files.map(({ portalId: _, ...file }) => file) }
    },
    saveHandOver: (handOver) => write((handOvers) => handOvers.put(handOver)),
    async saveFiles(portalId, saved) {
      for (let from = 0; from < saved.length; from += FILES_PER_WRITE) {
        await write((_, files) => {
          for (const file of saved.slice(from, from + FILES_PER_WRITE)) {
            files.put({ ...file, portalId })
          }
        })
      }
    },
    removeFiles: (portalId, keys) =>
      write((_, files) => {
        for (const key of keys) files.delete([portalId, key])
      }),
    clear: (portalId) =>
      write((handOvers, files) => {
        handOvers.delete(portalId)
        files.delete(allOf(portalId))
      }),
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
