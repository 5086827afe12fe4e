import { SINGLE_PUT_MAX_BYTES } from '../../../shared/contract/limits.ts'
import { contentHash } from './content-hash.ts'

export type FileHasher = (file: Blob, signal: AbortSignal) => Promise<string | undefined>

/** At most so many blocks of 4 MiB are in memory at a time, and one more of a large file. */
const SMALL_LANES = 3

/**
 * Hashes files beside their sending, large ones in a lane of their own, so that no small one waits
 * for them. Undefined when there is no hash: it is a further proof, not a need.
 */
export function createFileHasher(): FileHasher {
  const small = Array.from({ length: SMALL_LANES }, lane)
  const large = lane()
  let turn = 0
  return (file, signal) => {
    turn = (turn + 1) % SMALL_LANES
    const chosen = file.size > SINGLE_PUT_MAX_BYTES ? large : (small[turn] ?? large)
    return chosen(() => hashIfPossible(file, signal))
  }
}

/** Does one thing after the other. */
function lane() {
  let last: Promise<unknown> = Promise.resolve()
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work)
    last = result
    return result
  }
}

async function hashIfPossible(file: Blob, signal: AbortSignal): Promise<string | undefined> {
  // Browsers offer WebCrypto on https and loopback only.
  if (!globalThis.crypto?.subtle) return undefined
  try {
    return await contentHash(file, signal)
  } catch {
    // Cancelled, or the file cannot be read: then sending it fails too and says so.
    return undefined
  }
}
