/**
 * Checksums that the control API tells and the provider itself does not know: made of the content
 * when they are first asked for, so that no upload pays for them.
 */
import { createHash } from 'node:crypto'
import { hashFile } from './hash-file.ts'
import type { ProviderDatabase, Row } from './provider-database.ts'

export const CHECKSUMS_SCHEMA = `
CREATE TABLE IF NOT EXISTS checksums (
  blob TEXT PRIMARY KEY, sha256 TEXT NOT NULL, md5 TEXT NOT NULL
) STRICT;
`

interface FileChecksums {
  sha256: string
  md5: string
}

export class Checksums {
  readonly #database: ProviderDatabase
  /** What is being made: whoever asks meanwhile waits for the same. */
  readonly #underWay = new Map<string, Promise<FileChecksums | undefined>>()

  constructor(database: ProviderDatabase) {
    this.#database = database
  }

  /** Undefined for content that was deleted meanwhile. */
  async of(content: { blob: string; size: number }): Promise<FileChecksums | undefined> {
    const { blob } = content
    const row = this.#database.get('SELECT * FROM checksums WHERE blob = ?', blob)
    if (row) return toChecksums(row)
    const making = this.#underWay.get(blob) ?? this.#make(content)
    this.#underWay.set(blob, making)
    return await making.finally(() => this.#underWay.delete(blob))
  }

  forget(blob: string): void {
    this.#database.run('DELETE FROM checksums WHERE blob = ?', blob)
  }

  async #make({ blob, size }: { blob: string; size: number }): Promise<FileChecksums | undefined> {
    const hashes = { sha256: createHash('sha256'), md5: createHash('md5') }
    const both = {
      update(chunk: Buffer) {
        hashes.sha256.update(chunk)
        hashes.md5.update(chunk)
      },
    }
    try {
      await hashFile(both, this.#database.blobPath(blob), size)
    } catch (error) {
      // Recovery: what is deleted needs no checksums.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
    const made = { sha256: hashes.sha256.digest('hex'), md5: hashes.md5.digest('hex') }
    this.#database.run(
      'INSERT OR REPLACE INTO checksums (blob, sha256, md5) VALUES (?, ?, ?)',
      blob,
      made.sha256,
      made.md5,
    )
    return made
  }
}

function toChecksums(row: Row): FileChecksums {
  return { sha256: String(row['sha256']), md5: String(row['md5']) }
}
