/**
 * Content hash of a file: SHA-256 of the SHA-256s of its blocks of 4 MiB
 * (https://www.dropbox.com/developers/reference/content-hash). One block is in memory at a time;
 * browsers digest off the main thread.
 */
import { CONTENT_HASH_BLOCK_BYTES } from '../../../shared/contract/limits.ts'

const DIGEST_BYTES = 32

/** Lower-case hex. Rejects with the signal's reason, or as the file does when it cannot be read. */
export async function contentHash(file: Blob, signal?: AbortSignal): Promise<string> {
  const blockCount = Math.ceil(file.size / CONTENT_HASH_BLOCK_BYTES)
  const digests = new Uint8Array(blockCount * DIGEST_BYTES)
  for (let block = 0; block < blockCount; block += 1) {
    signal?.throwIfAborted()
    const from = block * CONTENT_HASH_BLOCK_BYTES
    const bytes = await file.slice(from, from + CONTENT_HASH_BLOCK_BYTES).arrayBuffer()
    digests.set(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), block * DIGEST_BYTES)
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', digests))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
