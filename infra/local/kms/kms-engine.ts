/**
 * KMS on this machine: symmetric keys, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/kms/latest/APIReference/ for GenerateDataKey (with and without
 * plaintext), GenerateRandom, Encrypt, Decrypt, ReEncrypt and DryRun: AES-256-GCM with the encryption
 * context as additional data, 4 KiB of plaintext, keys by id, ARN, alias or alias ARN; and for making,
 * disabling, deleting after 7 to 30 days, rotating (by days and on demand), key policies and aliases.
 * The context is shown to policies as `kms:EncryptionContext:<key>` and `kms:EncryptionContextKeys`.
 * `alias/aws/ssm` is made when a parameter first needs it.
 * On disk: `kms.db` (SQLite, WAL), mode 0600; it holds the keys in the clear, as no key of this
 * machine protects anything beyond this machine. Time is the injected clock's.
 *
 * Gaps: no grants, tags, asymmetric, HMAC, imported, external or multi-region keys and no
 * UpdateKeyDescription; lists come in one page; `alias/aws/ssm` has the default key policy and says
 * CUSTOMER; a stack's EnableKeyRotation is not played; what a deleted key sealed is an invalid
 * ciphertext.
 */
import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import type { Clock } from '../clock.ts'
import {
  type AccessRequest,
  type AwsCall,
  type AwsEngine,
  AwsError,
  LOCAL_ACCOUNT_ID,
} from '../engine.ts'
import { unknownOperation, writeJsonReply } from '../json-service.ts'
import type { PolicyDocument } from '../policy-document.ts'
import type { EncryptionContext } from './ciphertext-blob.ts'
import {
  CRYPTO_OPERATIONS,
  context,
  decryptSchema,
  openingKey,
  reEncryptSchema,
} from './crypto-operations.ts'
import { DEFAULT_KEY_POLICY } from './default-key-policy.ts'
import { KEY_OPERATIONS } from './key-operations.ts'
import { KeyStore } from './key-store.ts'
import { aliasArn, Keyring, keyArn } from './keyring.ts'
import { type Input, type KmsOperation, parse } from './kms-call.ts'

export interface KmsEngine extends AwsEngine {
  /** Idempotent: an existing key keeps its material. Without a policy it has KMS's default one. */
  createKey(properties: { keyId: string; description?: string; policy?: PolicyDocument }): {
    keyId: string
    arn: string
  }
  /** `alias/…`; points an existing alias at this key. */
  createAlias(name: string, keyId: string): void
  resourcePolicy(arn: string): PolicyDocument | undefined
  /** ARN of the key of an id, ARN or alias; refuses what does not exist. */
  keyArn(keyId: string): string
  /** ARN of the key that a ciphertext in base64 names. */
  keyArnOfBlob(ciphertext: string): string
  seal(keyId: string, plaintext: Uint8Array, context: EncryptionContext): Buffer
  open(blob: Buffer, context: EncryptionContext): Buffer
}

/** Operations by the name in `X-Amz-Target: TrentService.<name>`. */
const OPERATIONS = new Map<string, KmsOperation>(
  Object.entries({ ...CRYPTO_OPERATIONS, ...KEY_OPERATIONS }),
)

/** Operations that name no key; "KMS keys do not support resource-level permissions" for them. */
const ON_NO_KEY = new Set(['CreateKey', 'GenerateRandom', 'ListKeys', 'ListAliases'])

export function createKmsEngine({ dataDir, clock }: { dataDir: string; clock: Clock }): KmsEngine {
  const keys = new Keyring(new KeyStore(dataDir), clock)
  return {
    accessRequests: (call) => accessRequests(keys, call),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(keys, call.input))
    },

    async close(): Promise<void> {
      keys.store.close()
    },

    createKey({ keyId, description = '', policy }) {
      keys.store.save(keyId, description, policy, clock.now())
      return { keyId, arn: keyArn(keyId) }
    },

    createAlias(name, keyId) {
      if (!name.startsWith('alias/')) {
        throw new AwsError('ValidationException', `The alias ${name} must begin with alias/.`)
      }
      keys.store.saveAlias(name, keys.find(keyId).id)
    },

    resourcePolicy(arn) {
      const id = arn.startsWith(keyArn('')) ? arn.slice(keyArn('').length) : undefined
      const key = id === undefined ? undefined : keys.store.find(id)
      return key === undefined ? undefined : (key.policy ?? DEFAULT_KEY_POLICY)
    },

    keyArn: (keyId) => keyArn(keys.find(keyId).id),
    keyArnOfBlob: (ciphertext) => keyArn(keys.findByBlob(Buffer.from(ciphertext, 'base64')).id),
    seal: (keyId, plaintext, given) => keys.seal(keyId, plaintext, given),
    open: (blob, given) => keys.open(blob, given),
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html */
function accessRequests(keys: Keyring, call: AwsCall): AccessRequest[] {
  const { operation, input } = call
  if (!OPERATIONS.has(operation)) throw unknownOperation(call)
  const action = `kms:${operation}`
  if (ON_NO_KEY.has(operation)) return [{ action, resource: '*' }]
  if (operation.endsWith('Alias')) return onAlias(keys, action, input)
  if (operation === 'ReEncrypt') return onReEncrypt(keys, input)
  const { KeyId } = parse(z.object({ KeyId: z.string().nullish() }), input)
  const given = parse(z.object({ EncryptionContext: context }), input).EncryptionContext
  return [{ action, resource: keyArn(keyOf(keys, call).id), context: shown(given, KeyId) }]
}

function keyOf(keys: Keyring, { operation, input }: AwsCall) {
  if (operation !== 'Decrypt') return keys.find(parse(z.object({ KeyId: z.string() }), input).KeyId)
  const { KeyId, CiphertextBlob } = parse(decryptSchema, input)
  return openingKey(keys, Buffer.from(CiphertextBlob, 'base64'), KeyId)
}

/** Both the alias and each key that it leaves or gets. */
function onAlias(keys: Keyring, action: string, input: Input): AccessRequest[] {
  const schema = z.object({ AliasName: z.string(), TargetKeyId: z.string().nullish() })
  const { AliasName, TargetKeyId } = parse(schema, input)
  const present = keys.store.aliases().get(AliasName)
  const target = TargetKeyId == null ? undefined : keys.find(TargetKeyId).id
  const ids = new Set([present, target].filter((id) => id !== undefined))
  return [aliasArn(AliasName), ...[...ids].map(keyArn)].map((resource) => ({ action, resource }))
}

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html */
function onReEncrypt(keys: Keyring, input: Input): AccessRequest[] {
  const members = parse(reEncryptSchema, input)
  const { SourceKeyId, DestinationKeyId } = members
  const source = openingKey(keys, Buffer.from(members.CiphertextBlob, 'base64'), SourceKeyId)
  return [
    {
      action: 'kms:ReEncryptFrom',
      resource: keyArn(source.id),
      context: shown(members.SourceEncryptionContext, SourceKeyId),
    },
    {
      action: 'kms:ReEncryptTo',
      resource: keyArn(keys.find(DestinationKeyId).id),
      context: shown(members.DestinationEncryptionContext, DestinationKeyId),
    },
  ]
}

/** What policies can ask of a call. */
function shown(
  given: EncryptionContext | null | undefined,
  keyId: string | null | undefined,
): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = { 'kms:CallerAccount': LOCAL_ACCOUNT_ID }
  const names = Object.keys(given ?? {})
  for (const name of names) values[`kms:EncryptionContext:${name}`] = given?.[name] ?? ''
  if (names.length > 0) values['kms:EncryptionContextKeys'] = names
  const alias = keyId == null ? undefined : /(?:^|:)(alias\/.+)$/.exec(keyId)?.[1]
  if (alias !== undefined) values['kms:RequestAlias'] = alias
  return values
}
