/**
 * KMS on this machine: symmetric keys, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/kms/latest/APIReference/ for GenerateDataKey,
 * GenerateDataKeyWithoutPlaintext, Encrypt, Decrypt and DescribeKey: AES-256-GCM with the
 * encryption context as additional data, 4 KiB of plaintext, keys by id, ARN, alias or alias ARN.
 * The context is shown to policies as `kms:EncryptionContext:<key>` and `kms:EncryptionContextKeys`.
 * On disk: `kms.db` (SQLite, WAL), mode 0600; it holds the keys in the clear, as no key of this
 * machine protects anything beyond this machine.
 *
 * Gaps: keys come from templates only; no rotation, grants, asymmetric, HMAC or imported keys, no
 * disabling or deletion, no ReEncrypt and no DryRun.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import type { Clock } from '../clock.ts'
import {
  type AccessRequest,
  type AwsCall,
  type AwsEngine,
  AwsError,
  LOCAL_ACCOUNT_ID,
  LOCAL_REGION,
} from '../engine.ts'
import { parseInput, unknownOperation, writeJsonReply } from '../json-service.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { invalidCiphertext, keyIdOfBlob, openBlob, sealBlob } from './ciphertext-blob.ts'
import { KeyStore, type StoredKey } from './key-store.ts'

export interface KmsEngine extends AwsEngine {
  /** Idempotent: an existing key keeps its material. Without a policy it has KMS's default one. */
  createKey(properties: { keyId: string; description?: string; policy?: PolicyDocument }): {
    keyId: string
    arn: string
  }
  /** `alias/…`; points an existing alias at this key. */
  createAlias(name: string, keyId: string): void
  resourcePolicy(arn: string): PolicyDocument | undefined
}

const MOST_PLAINTEXT_BYTES = 4096
const MOST_DATA_KEY_BYTES = 1024
const ARN_PREFIX = `arn:aws:kms:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:`

/**
 * "The default key policy gives the account permission to use IAM policies" and nobody anything else.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
const DEFAULT_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${LOCAL_ACCOUNT_ID}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
}

const context = z.record(z.string(), z.string()).nullish()
const dataKeySchema = z.object({
  KeyId: z.string(),
  EncryptionContext: context,
  KeySpec: z.string().nullish(),
  NumberOfBytes: z.number().nullish(),
})
const encryptSchema = z.object({
  KeyId: z.string(),
  Plaintext: z.string(),
  EncryptionContext: context,
})
const decryptSchema = z.object({
  KeyId: z.string().nullish(),
  CiphertextBlob: z.string(),
  EncryptionContext: context,
})
const describeSchema = z.object({ KeyId: z.string() })

type Operation = (store: KeyStore, input: AwsCall['input']) => object

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['GenerateDataKey', (store, input) => generateDataKey(store, input)],
  [
    'GenerateDataKeyWithoutPlaintext',
    (store, input) => {
      const { Plaintext: _, ...reply } = generateDataKey(store, input)
      return reply
    },
  ],
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
])

export function createKmsEngine({ dataDir, clock }: { dataDir: string; clock: Clock }): KmsEngine {
  const store = new KeyStore(dataDir)
  return {
    accessRequests: (call) => accessRequests(store, call),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(store, call.input))
    },

    async close(): Promise<void> {
      store.close()
    },

    createKey({ keyId, description = '', policy }) {
      store.save(keyId, description, policy, clock.now())
      return { keyId, arn: keyArn(keyId) }
    },

    createAlias(name, keyId) {
      if (!name.startsWith('alias/')) {
        throw new AwsError('ValidationException', `The alias ${name} must begin with alias/.`)
      }
      store.saveAlias(name, findKey(store, keyId).id)
    },

    resourcePolicy(arn) {
      const key = arn.startsWith(keyArn('')) ? store.find(arn.slice(keyArn('').length)) : undefined
      return key === undefined ? undefined : (key.policy ?? DEFAULT_POLICY)
    },
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html */
function accessRequests(store: KeyStore, call: AwsCall): AccessRequest[] {
  if (!OPERATIONS.has(call.operation)) throw unknownOperation(call)
  const { input } = call
  const named = input?.['KeyId']
  const key =
    call.operation === 'Decrypt' ? decryptingKey(store, input) : findKey(store, String(named ?? ''))
  const given = parse(z.object({ EncryptionContext: context }), input).EncryptionContext ?? {}
  const requestContext: Record<string, string | string[]> = {
    'kms:CallerAccount': LOCAL_ACCOUNT_ID,
  }
  for (const [name, value] of Object.entries(given)) {
    requestContext[`kms:EncryptionContext:${name}`] = value
  }
  if (Object.keys(given).length > 0) {
    requestContext['kms:EncryptionContextKeys'] = Object.keys(given)
  }
  const alias = typeof named === 'string' ? /(?:^|:)(alias\/.+)$/.exec(named)?.[1] : undefined
  if (alias !== undefined) requestContext['kms:RequestAlias'] = alias
  return [{ action: `kms:${call.operation}`, resource: keyArn(key.id), context: requestContext }]
}

function generateDataKey(store: KeyStore, input: AwsCall['input']) {
  const members = parse(dataKeySchema, input)
  const key = findKey(store, members.KeyId)
  const plaintext = randomBytes(dataKeyBytes(members))
  const blob = sealBlob(key.id, key.material, plaintext, members.EncryptionContext ?? {})
  return {
    KeyId: keyArn(key.id),
    CiphertextBlob: blob.toString('base64'),
    Plaintext: plaintext.toString('base64'),
  }
}

function encrypt(store: KeyStore, input: AwsCall['input']): object {
  const { KeyId, Plaintext, EncryptionContext } = parse(encryptSchema, input)
  const key = findKey(store, KeyId)
  const plaintext = Buffer.from(Plaintext, 'base64')
  if (plaintext.length < 1 || plaintext.length > MOST_PLAINTEXT_BYTES) {
    throw invalid(
      `1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and ${MOST_PLAINTEXT_BYTES}`,
    )
  }
  const blob = sealBlob(key.id, key.material, plaintext, EncryptionContext ?? {})
  return {
    KeyId: keyArn(key.id),
    CiphertextBlob: blob.toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  }
}

function decrypt(store: KeyStore, input: AwsCall['input']): object {
  const { CiphertextBlob, EncryptionContext } = parse(decryptSchema, input)
  const key = decryptingKey(store, input)
  const blob = Buffer.from(CiphertextBlob, 'base64')
  return {
    KeyId: keyArn(key.id),
    Plaintext: openBlob(key.material, blob, EncryptionContext ?? {}).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  }
}

function describeKey(store: KeyStore, input: AwsCall['input']): object {
  const key = findKey(store, parse(describeSchema, input).KeyId)
  return {
    KeyMetadata: {
      AWSAccountId: LOCAL_ACCOUNT_ID,
      KeyId: key.id,
      Arn: keyArn(key.id),
      CreationDate: key.createdMs / 1000,
      Description: key.description,
      Enabled: true,
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyManager: 'CUSTOMER',
      Origin: 'AWS_KMS',
      MultiRegion: false,
    },
  }
}

function dataKeyBytes(members: z.output<typeof dataKeySchema>): number {
  const { KeySpec, NumberOfBytes } = members
  if ((KeySpec == null) === (NumberOfBytes == null)) {
    throw invalid('Please specify either number of bytes or key spec.')
  }
  if (KeySpec === 'AES_256') return 32
  if (KeySpec === 'AES_128') return 16
  const bytes = NumberOfBytes ?? 0
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MOST_DATA_KEY_BYTES) {
    throw invalid(
      `1 validation error detected: Value at '${KeySpec == null ? 'numberOfBytes' : 'keySpec'}' failed to satisfy constraint: 1 to ${MOST_DATA_KEY_BYTES} bytes, AES_128 or AES_256`,
    )
  }
  return bytes
}

/** Key named by the blob itself; a KeyId of the call has to be the same one. */
function decryptingKey(store: KeyStore, input: AwsCall['input']): StoredKey {
  const { KeyId, CiphertextBlob } = parse(decryptSchema, input)
  const key = store.find(keyIdOfBlob(Buffer.from(CiphertextBlob, 'base64')))
  if (key === undefined) throw invalidCiphertext()
  if (KeyId != null && findKey(store, KeyId).id !== key.id) {
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  return key
}

/** By key id, key ARN, alias name or alias ARN. */
function findKey(store: KeyStore, keyId: string): StoredKey {
  if (keyId === '') throw missingMember('keyId')
  if (keyId.startsWith('arn:') && !keyId.startsWith(ARN_PREFIX)) {
    throw new AwsError('NotFoundException', `Invalid arn ${keyId}`)
  }
  const name = keyId.startsWith('arn:') ? keyId.slice(ARN_PREFIX.length) : keyId
  if (name.startsWith('alias/')) {
    const key = store.findByAlias(name)
    if (key !== undefined) return key
    throw new AwsError('NotFoundException', `Alias ${ARN_PREFIX}${name} is not found.`)
  }
  const id = name.replace(/^key\//, '')
  const key = store.find(id)
  if (key === undefined)
    throw new AwsError('NotFoundException', `Key '${keyArn(id)}' does not exist`)
  return key
}

function keyArn(keyId: string): string {
  return `${ARN_PREFIX}key/${keyId}`
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

function missingMember(member: string): AwsError {
  const name = member.charAt(0).toLowerCase() + member.slice(1)
  return invalid(
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  )
}

function parse<T extends z.ZodType>(schema: T, input: AwsCall['input']): z.output<T> {
  return parseInput(schema, input, missingMember)
}
