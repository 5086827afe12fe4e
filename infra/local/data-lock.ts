/**
 * Keeps two runners from sharing a data folder. The lock is the operating system's, held through
 * an SQLite file: it ends with the process that holds it, also by `kill -9`, so none is ever stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export class DataFolderInUseError extends Error {
  override name = 'DataFolderInUseError' as const

  constructor(dataDir: string, holder: string) {
    super(`${dataDir} is in use by another runner${holder === '' ? '' : ` (process ${holder})`}`)
  }
}

export interface DataLock {
  release(): void
}

const SQLITE_BUSY = 5

export function lockDataFolder(dataDir: string): DataLock {
  mkdirSync(dataDir, { recursive: true })
  const holderFile = join(dataDir, 'runner.pid')
  const database = new DatabaseSync(join(dataDir, 'runner.lock'), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new DataFolderInUseError(dataDir, readHolder(holderFile))
    throw error
  }
  writeFileSync(holderFile, `${process.pid}\n`)
  return { release: () => database.close() }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

/** The process that holds the lock; empty in the moment before it has written its number. */
function readHolder(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
