import { createReadStream } from 'node:fs'
import type { RunningHash } from './blob-writer.ts'

const READ_BYTES = 1024 * 1024

/** Puts the first bytes of a file into a hash: for content that came in any order, or whose running hash was lost with a process. */
export async function hashFile<Hash extends RunningHash>(
  hash: Hash,
  path: string,
  bytes: number,
): Promise<Hash> {
  if (bytes === 0) return hash
  const source = createReadStream(path, { end: bytes - 1, highWaterMark: READ_BYTES })
  for await (const chunk of source) hash.update(chunk)
  return hash
}
