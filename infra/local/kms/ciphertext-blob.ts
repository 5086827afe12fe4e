import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { AwsError } from '../engine.ts'

/** First byte of every blob, so that foreign bytes are told apart. */
const BLOB_VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16

export type EncryptionContext = Record<string, string>

/** Layout: version, length of the key id, key id, nonce, ciphertext, tag. */
export function sealBlob(
  keyId: string,
  material: Buffer,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const id = Buffer.from(keyId)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', material, nonce)
  cipher.setAAD(additionalData(keyId, context))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.of(BLOB_VERSION, id.length), id, nonce, sealed, cipher.getAuthTag()])
}

/** Key id that the blob carries. */
export function keyIdOfBlob(blob: Buffer): string {
  const idLength = blob[1] ?? 0
  if (blob[0] !== BLOB_VERSION || blob.length < 2 + idLength + NONCE_BYTES + TAG_BYTES) {
    throw invalidCiphertext()
  }
  return blob.subarray(2, 2 + idLength).toString()
}

/** "The encryption context must be an exact, case-sensitive match"; anything else is an invalid ciphertext. */
export function openBlob(material: Buffer, blob: Buffer, context: EncryptionContext): Buffer {
  const keyId = keyIdOfBlob(blob)
  const nonceAt = 2 + Buffer.byteLength(keyId)
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
