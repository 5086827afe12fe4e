/** Operations on keys themselves: making, states, deletion, rotation, policies and aliases. */
import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { AwsError, LOCAL_ACCOUNT_ID } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'
import { readResourcePolicy } from '../resource-policy.ts'
import { DEFAULT_KEY_POLICY } from './default-key-policy.ts'
import type { StoredKey } from './key-store.ts'
import { aliasArn, checkNotPending, invalid, type Keyring, keyArn } from './keyring.ts'
import { type KmsOperation, parse } from './kms-call.ts'

const DAY_MS = 86_400_000
/** "You can perform on-demand key rotation a maximum of 25 times per KMS key." */
const MOST_ROTATIONS_ON_DEMAND = 25

const createSchema = z.object({
  Description: z.string().max(8192).nullish(),
  Policy: z.string().nullish(),
  KeyUsage: z.string().nullish(),
  KeySpec: z.string().nullish(),
  CustomerMasterKeySpec: z.string().nullish(),
  Origin: z.string().nullish(),
  MultiRegion: z.boolean().nullish(),
})
const onKeySchema = z.object({ KeyId: z.string() })
const deletionSchema = z.object({ KeyId: z.string(), PendingWindowInDays: z.number().nullish() })
const rotationSchema = z.object({ KeyId: z.string(), RotationPeriodInDays: z.number().nullish() })
const putPolicySchema = z.object({ KeyId: z.string(), Policy: z.string() })
const aliasSchema = z.object({ AliasName: z.string(), TargetKeyId: z.string() })
const deleteAliasSchema = z.object({ AliasName: z.string() })
const listAliasesSchema = z.object({ KeyId: z.string().nullish() })

export const KEY_OPERATIONS: Record<string, KmsOperation> = {
  CreateKey(keys, input) {
    const members = parse(createSchema, input)
    const spec = members.KeySpec ?? members.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT'
    const usage = members.KeyUsage ?? 'ENCRYPT_DECRYPT'
    if (
      spec !== 'SYMMETRIC_DEFAULT' ||
      usage !== 'ENCRYPT_DECRYPT' ||
      members.MultiRegion === true ||
      (members.Origin ?? 'AWS_KMS') !== 'AWS_KMS'
    ) {
      throw new AwsError(
        'UnsupportedOperationException',
        'Only symmetric keys of one region that KMS itself makes exist here.',
      )
    }
    const policy = members.Policy == null ? undefined : readPolicy(members.Policy)
    const now = keys.clock.now()
    const key = keys.store.save(randomUUID(), members.Description ?? '', policy, now)
    return { KeyMetadata: metadata(key) }
  },

  DescribeKey: (keys, input) => ({
    KeyMetadata: metadata(keys.find(parse(onKeySchema, input).KeyId)),
  }),

  ListKeys: (keys) => ({
    Keys: keys.all().map(({ id }) => ({ KeyId: id, KeyArn: keyArn(id) })),
    Truncated: false,
  }),

  EnableKey: (keys, input) => setState(keys, parse(onKeySchema, input).KeyId, 'Enabled'),
  DisableKey: (keys, input) => setState(keys, parse(onKeySchema, input).KeyId, 'Disabled'),

  // https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
  ScheduleKeyDeletion(keys, input) {
    const { KeyId, PendingWindowInDays } = parse(deletionSchema, input)
    const days = inRange('pendingWindowInDays', PendingWindowInDays ?? 30, 7, 30)
    const key = ownKey(keys, KeyId)
    const deletionMs = keys.clock.now() + days * DAY_MS
    keys.store.saveLife(key, { ...key.life, state: 'PendingDeletion', deletionMs })
    return {
      KeyId: keyArn(key.id),
      DeletionDate: deletionMs / 1000,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: days,
    }
  },

  // "If this operation is successful, the key state of the KMS key is Disabled."
  CancelKeyDeletion(keys, input) {
    const key = keys.find(parse(onKeySchema, input).KeyId)
    if (key.life.state !== 'PendingDeletion') {
      throw new AwsError('KMSInvalidStateException', `${keyArn(key.id)} is not pending deletion.`)
    }
    keys.store.saveLife(key, { ...key.life, state: 'Disabled', deletionMs: undefined })
    return { KeyId: keyArn(key.id) }
  },

  EnableKeyRotation(keys, input) {
    const { KeyId, RotationPeriodInDays } = parse(rotationSchema, input)
    const key = ownKey(keys, KeyId)
    const rotationDays = inRange('rotationPeriodInDays', RotationPeriodInDays ?? 365, 90, 2560)
    keys.store.saveLife(key, { ...key.life, rotationDays, rotationFromMs: keys.clock.now() })
    return {}
  },

  DisableKeyRotation(keys, input) {
    const key = ownKey(keys, parse(onKeySchema, input).KeyId)
    keys.store.saveLife(key, { ...key.life, rotationDays: undefined, rotationFromMs: undefined })
    return {}
  },

  GetKeyRotationStatus(keys, input) {
    const key = keys.find(parse(onKeySchema, input).KeyId)
    const nextMs = keys.nextRotationMs(key)
    return {
      KeyId: keyArn(key.id),
      KeyRotationEnabled: nextMs !== undefined,
      ...(nextMs !== undefined && {
        RotationPeriodInDays: key.life.rotationDays,
        NextRotationDate: nextMs / 1000,
      }),
    }
  },

  // https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html
  RotateKeyOnDemand(keys, input) {
    const key = keys.findUsable(parse(onKeySchema, input).KeyId)
    const done = key.rotations.filter(({ type }) => type === 'ON_DEMAND').length
    if (done >= MOST_ROTATIONS_ON_DEMAND) {
      throw new AwsError('LimitExceededException', 'The limit of on-demand rotations is reached.')
    }
    keys.store.rotate(key, { type: 'ON_DEMAND', rotatedMs: keys.clock.now() })
    return { KeyId: keyArn(key.id) }
  },

  ListKeyRotations(keys, input) {
    const { id, rotations } = keys.find(parse(onKeySchema, input).KeyId)
    return {
      Rotations: rotations.map(({ type, rotatedMs }) => ({
        KeyId: keyArn(id),
        RotationDate: rotatedMs / 1000,
        RotationType: type,
      })),
      Truncated: false,
    }
  },

  GetKeyPolicy(keys, input) {
    const { policy } = keys.find(parse(onKeySchema, input).KeyId)
    return { Policy: JSON.stringify(policy ?? DEFAULT_KEY_POLICY), PolicyName: 'default' }
  },

  PutKeyPolicy(keys, input) {
    const { KeyId, Policy } = parse(putPolicySchema, input)
    const key = ownKey(keys, KeyId)
    keys.store.save(key.id, key.description, readPolicy(Policy), keys.clock.now())
    return {}
  },

  CreateAlias(keys, input) {
    const { AliasName, TargetKeyId } = parse(aliasSchema, input)
    checkAliasName(AliasName)
    if (keys.store.aliases().has(AliasName)) {
      throw new AwsError(
        'AlreadyExistsException',
        `An alias with the name ${aliasArn(AliasName)} already exists`,
      )
    }
    keys.store.saveAlias(AliasName, ownKey(keys, TargetKeyId).id)
    return {}
  },

  UpdateAlias(keys, input) {
    const { AliasName, TargetKeyId } = parse(aliasSchema, input)
    checkAliasName(AliasName)
    keys.find(AliasName)
    keys.store.saveAlias(AliasName, ownKey(keys, TargetKeyId).id)
    return {}
  },

  DeleteAlias(keys, input) {
    const { AliasName } = parse(deleteAliasSchema, input)
    checkAliasName(AliasName)
    keys.find(AliasName)
    keys.store.removeAlias(AliasName)
    return {}
  },

  ListAliases(keys, input) {
    const { KeyId } = parse(listAliasesSchema, input)
    const id = KeyId == null ? undefined : keys.find(KeyId).id
    const aliases = [...keys.store.aliases()].filter(
      ([, keyId]) => id === undefined || keyId === id,
    )
    return {
      Aliases: aliases.map(([name, keyId]) => ({
        AliasName: name,
        AliasArn: aliasArn(name),
        TargetKeyId: keyId,
      })),
      Truncated: false,
    }
  },
}

/** A key that can be changed: not one that waits for its deletion, and named by id or ARN. */
function ownKey(keys: Keyring, keyId: string): StoredKey {
  if (keyId.includes('alias/')) throw invalid(`Invalid keyId ${keyId}`)
  const key = keys.find(keyId)
  checkNotPending(key)
  return key
}

function setState(keys: Keyring, keyId: string, state: 'Enabled' | 'Disabled'): object {
  const key = ownKey(keys, keyId)
  keys.store.saveLife(key, { ...key.life, state })
  return {}
}

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html */
export function checkAliasName(name: string): void {
  if (!/^alias\/[a-zA-Z0-9/_-]{1,250}$/.test(name)) {
    throw invalid(`Alias ${name} must begin with alias/ and hold letters, numbers, / _ and - only.`)
  }
  if (name.startsWith('alias/aws/')) {
    throw new AwsError('NotAuthorizedException', 'The prefix alias/aws/ is reserved.')
  }
}

function readPolicy(text: string): PolicyDocument {
  const policy = readResourcePolicy(text)
  if (policy !== undefined) return policy
  throw new AwsError(
    'MalformedPolicyDocumentException',
    'The new key policy is not a policy of a resource.',
  )
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(
    `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: Member must be between ${least} and ${most}`,
  )
}

function metadata(key: StoredKey): object {
  const { state, deletionMs } = key.life
  return {
    AWSAccountId: LOCAL_ACCOUNT_ID,
    KeyId: key.id,
    Arn: keyArn(key.id),
    CreationDate: key.createdMs / 1000,
    Description: key.description,
    Enabled: state === 'Enabled',
    KeyState: state,
    ...(deletionMs !== undefined && { DeletionDate: deletionMs / 1000 }),
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyManager: 'CUSTOMER',
    Origin: 'AWS_KMS',
    MultiRegion: false,
  }
}
