/** Folders of a measurement, which may hold gigabytes: whatever ends the process, they go. */
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** Where Linux keeps files in memory: a large table is filled ten times sooner there. */
const IN_MEMORY = '/dev/shm'
const IN_MEMORY_LEAST_BYTES = 4 * 1024 ** 3

/** The folder for measurements that only count, where the disk's speed is none of their business. */
export function fastTempDir(): string {
  if (!existsSync(IN_MEMORY)) return tmpdir()
  const { bavail, bsize } = statfsSync(IN_MEMORY)
  return bavail * bsize < IN_MEMORY_LEAST_BYTES ? tmpdir() : IN_MEMORY
}

export async function withTempDir<T>(
  use: (dir: string) => Promise<T>,
  parent = tmpdir(),
): Promise<T> {
  const dir = mkdtempSync(join(parent, 'portage-bench-'))
  folders.add(dir)
  try {
    return await use(dir)
  } finally {
    remove(dir)
  }
}

function remove(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  folders.delete(dir)
}

process.on('exit', () => {
  for (const dir of folders) remove(dir)
})
for (const [signal, code] of Object.entries(SIGNALS)) {
  process.on(signal, () => process.exit(code))
}
