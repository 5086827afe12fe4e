/** Files to choose, of any size. */
import { createHash } from 'node:crypto'

export const MIB = 1024 * 1024
const BLOCK_BYTES = 4 * MIB
const blocks = new Map<number, Blob>()

/** Each block is filled with its own number; blocks are shared, so that large files cost nothing. */
function block(index: number): Blob {
  const made = blocks.get(index) ?? new Blob([new Uint8Array(BLOCK_BYTES).fill(index + 1)])
  blocks.set(index, made)
  return made
}

/** A file whose bytes tell where they stand. */
export function makeFile(name: string, size: number, lastModified = 1_700_000_000_000): File {
  const whole = Array.from({ length: Math.floor(size / BLOCK_BYTES) }, (_, index) => block(index))
  const rest = new Uint8Array(size % BLOCK_BYTES).fill(255)
  return new File([...whole, rest], name, { type: 'application/pdf', lastModified })
}

export function alone(...files: File[]): { file: File; relativePath: string }[] {
  return files.map((file) => ({ file, relativePath: '' }))
}

export async function sha256(file: Blob | undefined): Promise<string> {
  const bytes = Buffer.from((await file?.arrayBuffer()) ?? new ArrayBuffer(0))
  return createHash('sha256').update(bytes).digest('hex')
}
