import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of one engine or emulator, made when it is not there. */
export function dataFolder(dataDir: string, name: string): string {
  const path = join(dataDir, name)
  mkdirSync(path, { recursive: true })
  return path
}
