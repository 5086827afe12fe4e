/** Operations with keys: sealing, opening, data keys and random bytes. */
import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../engine.ts'
import { invalid, type Keyring, keyArn } from './keyring.ts'
import { type Input, type KmsOperation, parse } from './kms-call.ts'

const MOST_PLAINTEXT_BYTES = 4096
const MOST_RANDOM_BYTES = 1024
const SYMMETRIC = 'SYMMETRIC_DEFAULT'

export const context = z.record(z.string(), z.string()).nullish()
const dryRun = { DryRun: z.boolean().nullish() }
const dataKeySchema = z.object({
  KeyId: z.string(),
  EncryptionContext: context,
  KeySpec: z.string().nullish(),
  NumberOfBytes: z.number().nullish(),
  ...dryRun,
})
const encryptSchema = z.object({
  KeyId: z.string(),
  Plaintext: z.string(),
  EncryptionContext: context,
  ...dryRun,
})
export const decryptSchema = z.object({
  KeyId: z.string().nullish(),
  CiphertextBlob: z.string(),
  EncryptionContext: context,
  ...dryRun,
})
export const reEncryptSchema = z.object({
  CiphertextBlob: z.string(),
  SourceKeyId: z.string().nullish(),
  SourceEncryptionContext: context,
  DestinationKeyId: z.string(),
  DestinationEncryptionContext: context,
  ...dryRun,
})
const randomSchema = z.object({ NumberOfBytes: z.number() })

export const CRYPTO_OPERATIONS: Record<string, KmsOperation> = {
  GenerateDataKey: generateDataKey,

  GenerateDataKeyWithoutPlaintext(keys, input) {
    const { Plaintext: _, ...reply } = generateDataKey(keys, input)
    return reply
  },

  Encrypt(keys, input) {
    const { KeyId, Plaintext, EncryptionContext, DryRun } = parse(encryptSchema, input)
    const plaintext = Buffer.from(Plaintext, 'base64')
    if (plaintext.length < 1 || plaintext.length > MOST_PLAINTEXT_BYTES) {
      throw invalid(
        `1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and ${MOST_PLAINTEXT_BYTES}`,
      )
    }
    const key = keys.findUsable(KeyId)
    stopDryRun(DryRun)
    return {
      KeyId: keyArn(key.id),
      CiphertextBlob: keys.seal(key.id, plaintext, EncryptionContext ?? {}).toString('base64'),
      EncryptionAlgorithm: SYMMETRIC,
    }
  },

  Decrypt(keys, input) {
    const { CiphertextBlob, EncryptionContext, KeyId, DryRun } = parse(decryptSchema, input)
    const blob = Buffer.from(CiphertextBlob, 'base64')
    const key = openingKey(keys, blob, KeyId)
    const plaintext = keys.open(blob, EncryptionContext ?? {})
    stopDryRun(DryRun)
    return {
      KeyId: keyArn(key.id),
      Plaintext: plaintext.toString('base64'),
      EncryptionAlgorithm: SYMMETRIC,
    }
  },

  ReEncrypt(keys, input) {
    const members = parse(reEncryptSchema, input)
    const blob = Buffer.from(members.CiphertextBlob, 'base64')
    const source = openingKey(keys, blob, members.SourceKeyId)
    const destination = keys.findUsable(members.DestinationKeyId)
    const plaintext = keys.open(blob, members.SourceEncryptionContext ?? {})
    stopDryRun(members.DryRun)
    const sealed = keys.seal(destination.id, plaintext, members.DestinationEncryptionContext ?? {})
    return {
      CiphertextBlob: sealed.toString('base64'),
      SourceKeyId: keyArn(source.id),
      KeyId: keyArn(destination.id),
      SourceEncryptionAlgorithm: SYMMETRIC,
      DestinationEncryptionAlgorithm: SYMMETRIC,
    }
  },

  GenerateRandom(_keys, input) {
    const { NumberOfBytes } = parse(randomSchema, input)
    return { Plaintext: randomBytes(checkBytes(NumberOfBytes)).toString('base64') }
  },
}

/** The key that the ciphertext names; a key id of the call has to be the same one. */
export function openingKey(keys: Keyring, blob: Buffer, keyId: string | null | undefined) {
  const key = keys.findByBlob(blob)
  if (keyId != null && keys.find(keyId).id !== key.id) {
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  return key
}

function generateDataKey(keys: Keyring, input: Input) {
  const members = parse(dataKeySchema, input)
  const plaintext = randomBytes(dataKeyBytes(members))
  const key = keys.findUsable(members.KeyId)
  stopDryRun(members.DryRun)
  const blob = keys.seal(key.id, plaintext, members.EncryptionContext ?? {})
  return {
    KeyId: keyArn(key.id),
    CiphertextBlob: blob.toString('base64'),
    Plaintext: plaintext.toString('base64'),
  }
}

function dataKeyBytes({ KeySpec, NumberOfBytes }: z.output<typeof dataKeySchema>): number {
  if ((KeySpec == null) === (NumberOfBytes == null)) {
    throw invalid('Please specify either number of bytes or key spec.')
  }
  if (KeySpec === 'AES_256') return 32
  if (KeySpec === 'AES_128') return 16
  if (KeySpec != null) {
    throw invalid(
      "1 validation error detected: Value at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
    )
  }
  return checkBytes(NumberOfBytes ?? 0)
}

function checkBytes(bytes: number): number {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MOST_RANDOM_BYTES) {
    throw invalid(
      `1 validation error detected: Value at 'numberOfBytes' failed to satisfy constraint: Member must be between 1 and ${MOST_RANDOM_BYTES}`,
    )
  }
  return bytes
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html */
function stopDryRun(isDry: boolean | null | undefined): void {
  if (isDry !== true) return
  throw new AwsError(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
    412,
  )
}
