/** What outlives a reload: one hand-over per portal with its tokens, and what identifies its files. */
import type { ClientDetails, Phase } from './upload-item.ts'

export interface SavedHandOver {
  portalId: string
  submissionId: string
  uploadToken: string
  readToken: string
  client: ClientDetails
}

export interface SavedFile {
  key: string
  name: string
  relativePath: string
  size: number
  type: string
  lastModified: number
  /** Absent until the file is announced. */
  uploadId?: string
  /** As the page must show it after a reload. */
  phase: Phase
}

export interface HandOverStore {
  load(portalId: string): Promise<{ handOver: SavedHandOver; files: SavedFile[] } | undefined>
  saveHandOver(handOver: SavedHandOver): Promise<void>
  saveFiles(portalId: string, files: SavedFile[]): Promise<void>
  removeFiles(portalId: string, keys: string[]): Promise<void>
  clear(portalId: string): Promise<void>
}

/** For browsers that keep nothing, for a second tab of the same portal, and for tests. */
export function memoryHandOverStore(): HandOverStore {
  const handOvers = new Map<string, SavedHandOver>()
  const files = new Map<string, Map<string, SavedFile>>()
  const filesOf = (portalId: string) => {
    const known = files.get(portalId) ?? new Map<string, SavedFile>()
    files.set(portalId, known)
    return known
  }
  return {
    async load(portalId) {
      const handOver = handOvers.get(portalId)
      return handOver && { handOver, files: structuredClone([...filesOf(portalId).values()]) }
    },
    async saveHandOver(handOver) {
      handOvers.set(handOver.portalId, { ...handOver })
    },
    async saveFiles(portalId, saved) {
      for (const file of saved) filesOf(portalId).set(file.key, { ...file })
    },
    async removeFiles(portalId, keys) {
      for (const key of keys) filesOf(portalId).delete(key)
    },
    async clear(portalId) {
      handOvers.delete(portalId)
      files.delete(portalId)
    },
  }
}
