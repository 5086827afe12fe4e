/** Folders of a measurement, which may hold gigabytes: whatever ends the process, they go. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

export async function withTempDir<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'portage-bench-'))
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
