import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { AwsError } from '../engine.ts'

/**
 * First byte of every blob, so that foreign bytes are told apart. Blobs of the first version were
 * sealed with the first material of their key and do not name it.
 */
const FIRST_VERSION = 1
const BLOB_VERSION = 2
/** Number of the material, 4 bytes, in front of the nonce. */
const NUMBER_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16

export type EncryptionContext = Record<string, string>

/** Layout: version, length of the key id, key id, number of the material, nonce, ciphertext, tag. */
export function sealBlob(
  keyId: string,
  materials: readonly Buffer[],
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const id = Buffer.from(keyId)
  const number = Buffer.alloc(NUMBER_BYTES)
  number.writeUInt32BE(materials.length - 1)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', materials.at(-1) ?? '', nonce)
  cipher.setAAD(additionalData(keyId, context))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const head = Buffer.of(BLOB_VERSION, id.length)
  return Buffer.concat([head, id, number, nonce, sealed, cipher.getAuthTag()])
}

/** Key id that the blob carries. */
export function keyIdOfBlob(blob: Buffer): string {
  return readHead(blob).keyId
}

/** "The encryption context must be an exact, case-sensitive match"; anything else is an invalid ciphertext. */
export function openBlob(
  materials: readonly Buffer[],
  blob: Buffer,
  context: EncryptionContext,
): Buffer {
  const { keyId, number, nonceAt } = readHead(blob)
  const material = materials[number]
  if (material === undefined) throw invalidCiphertext()
  const sealedAt = nonceAt + NONCE_BYTES
  const tagAt = blob.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', material, blob.subarray(nonceAt, sealedAt))
  decipher.setAAD(additionalData(keyId, context))
  decipher.setAuthTag(blob.subarray(tagAt))
  const plaintext = decipher.update(blob.subarray(sealedAt, tagAt))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    // Recovery: the tag does not hold, which is this refusal and nothing else.
    throw invalidCiphertext()
  }
}

function readHead(blob: Buffer): { keyId: string; number: number; nonceAt: number } {
  const [version, idLength = 0] = blob
  const numberAt = 2 + idLength
  const nonceAt = numberAt + (version === FIRST_VERSION ? 0 : NUMBER_BYTES)
  const isKnown = version === FIRST_VERSION || version === BLOB_VERSION
  if (!isKnown || blob.length < nonceAt + NONCE_BYTES + TAG_BYTES) throw invalidCiphertext()
  return {
    keyId: blob.subarray(2, numberAt).toString(),
    number: version === FIRST_VERSION ? 0 : blob.readUInt32BE(numberAt),
    nonceAt,
  }
}

export function invalidCiphertext(): AwsError {
  // KMS gives no message, so that a guesser learns nothing.
  return new AwsError('InvalidCiphertextException', '')
}

/** "The order of the pairs does not matter": sorted, so that equal contexts are equal bytes. */
function additionalData(keyId: string, context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify([keyId, Object.entries(context).sort(byName)]))
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1
}
