/**
 * Envelope encryption of a grant: KMS wraps one data key per grant, the data key encrypts tokens
 * and session URIs with AES-256-GCM. The unwrapped key stays in the warm environment, so KMS is
 * called once per grant and environment.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'

export interface GrantRef {
  userId: string
  grantId: string
}

export interface TokenVault {
  /** A new data key for the grant, wrapped; it replaces the grant's earlier one. */
  newKey(grant: GrantRef): Promise<string>
  seal(grant: GrantRef, wrappedKey: string, plaintext: string): Promise<string>
  unseal(grant: GrantRef, wrappedKey: string, ciphertext: string): Promise<string>
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Warm environments serve few grants at a time; beyond this the oldest key is dropped. */
const KEPT_KEYS = 200

/** KMS binds these to the wrapped key; the roles' policies name them too. Ids only. */
function encryptionContext(grant: GrantRef): Record<string, string> {
  return { purpose: 'grant', userId: grant.userId, grantId: grant.grantId }
}

export function tokenVault(deps: { kms: KMSClient; keyArn: string }): TokenVault {
  const keys = new Map<string, Promise<Uint8Array>>()

  function keep(wrappedKey: string, key: Promise<Uint8Array>): Promise<Uint8Array> {
    const oldest = keys.keys().next()
    if (keys.size >= KEPT_KEYS && !oldest.done) keys.delete(oldest.value)
    keys.set(wrappedKey, key)
    // A failed call must not be kept: the next caller asks again.
    key.catch(() => keys.delete(wrappedKey))
    return key
  }

  function dataKey(grant: GrantRef, wrappedKey: string): Promise<Uint8Array> {
    return (
      keys.get(wrappedKey) ??
      keep(
        wrappedKey,
        deps.kms
          .send(
            new DecryptCommand({
              KeyId: deps.keyArn,
              CiphertextBlob: Buffer.from(wrappedKey, 'base64'),
              EncryptionContext: encryptionContext(grant),
            }),
          )
          .then((reply) => present(reply.Plaintext)),
      )
    )
  }

  return {
    async newKey(grant) {
      const reply = await deps.kms.send(
        new GenerateDataKeyCommand({
          KeyId: deps.keyArn,
          KeySpec: 'AES_256',
          EncryptionContext: encryptionContext(grant),
        }),
      )
      const wrappedKey = Buffer.from(present(reply.CiphertextBlob)).toString('base64')
      await keep(wrappedKey, Promise.resolve(present(reply.Plaintext)))
      return wrappedKey
    },

    async seal(grant, wrappedKey, plaintext) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', await dataKey(grant, wrappedKey), nonce)
      cipher.setAAD(Buffer.from(grant.grantId))
      const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },

    async unseal(grant, wrappedKey, ciphertext) {
      const bytes = Buffer.from(ciphertext, 'base64')
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', await dataKey(grant, wrappedKey), nonce)
      decipher.setAAD(Buffer.from(grant.grantId))
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES))
      return Buffer.concat([opened, decipher.final()]).toString('utf8')
    },
  }
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('KMS answered without a key')
  return value
}
