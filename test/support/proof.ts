/** The proof that a record gives of a file, from its content: written here once more, apart from the code that it judges. */
import { createHash } from 'node:crypto'
import { factsOf, type StorageProviderId } from '../../shared/providers/providers.ts'

const BLOCK_BYTES = 4 * 1024 * 1024

function sha256(content: Uint8Array) {
  return createHash('sha256').update(content)
}

/** The content hash of every file, and its SHA-256 at a provider that proves by it. */
export function proofOf(content: Uint8Array, provider: StorageProviderId) {
  const blocks: Buffer[] = []
  for (let from = 0; from < content.length; from += BLOCK_BYTES) {
    blocks.push(sha256(content.subarray(from, from + BLOCK_BYTES)).digest())
  }
  const contentHash = sha256(Buffer.concat(blocks)).digest('hex')
  return factsOf(provider).provesBy === 'sha256'
    ? { contentHash, sha256: sha256(content).digest('hex') }
    : { contentHash }
}
