/** The wire: members of each operation in, members of its reply out. */
import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../engine.ts'
import { generatePassword } from './generate-secret.ts'
import type { SecretValue, StoredSecret } from './secret-store.ts'
import {
  checkName,
  type Input,
  invalidParameter,
  invalidRequest,
  notFound,
  parse,
  type Secrets,
  secretArn,
} from './secrets.ts'

export type SecretOperation = (secrets: Secrets, input: Input) => object

const DAY_MS = 86_400_000
const MOST_VALUE_BYTES = 65_536
const MOST_LISTED = 100

const value = {
  ClientRequestToken: z.string().nullish(),
  SecretString: z.string().nullish(),
  SecretBinary: z.string().nullish(),
}
const getSchema = z.object({
  SecretId: z.string(),
  VersionId: z.string().nullish(),
  VersionStage: z.string().nullish(),
})
const createSchema = z.object({ Name: z.string(), Description: z.string().nullish(), ...value })
const updateSchema = z.object({ SecretId: z.string(), Description: z.string().nullish(), ...value })
const putSchema = z.object({
  SecretId: z.string(),
  VersionStages: z.array(z.string()).nullish(),
  ...value,
})
const onSecretSchema = z.object({ SecretId: z.string() })
const deleteSchema = z.object({
  SecretId: z.string(),
  RecoveryWindowInDays: z.number().nullish(),
  ForceDeleteWithoutRecovery: z.boolean().nullish(),
})
const page = { MaxResults: z.number().nullish(), NextToken: z.string().nullish() }
const listSchema = z.object({ IncludePlannedDeletion: z.boolean().nullish(), ...page })
const listVersionsSchema = z.object({
  SecretId: z.string(),
  IncludeDeprecated: z.boolean().nullish(),
})
const moveStageSchema = z.object({
  SecretId: z.string(),
  VersionStage: z.string(),
  MoveToVersionId: z.string().nullish(),
  RemoveFromVersionId: z.string().nullish(),
})
const flag = z.boolean().default(false)
const passwordSchema = z.object({
  PasswordLength: z.number().default(32),
  ExcludeCharacters: z.string().default(''),
  ExcludeNumbers: flag,
  ExcludePunctuation: flag,
  ExcludeUppercase: flag,
  ExcludeLowercase: flag,
  IncludeSpace: flag,
  RequireEachIncludedType: z.boolean().default(true),
})

export const SECRET_OPERATIONS: Record<string, SecretOperation> = {
  GetSecretValue(secrets, input) {
    const members = parse(getSchema, input)
    const secret = secrets.findLive(members.SecretId)
    const version = secrets.findVersion(secret, members)
    return {
      ...nameOf(secret.name),
      VersionId: version.id,
      SecretString: version.string,
      SecretBinary: version.binary,
      VersionStages: secrets.stagesOf(secret.name, version.id),
      CreatedDate: version.createdMs / 1000,
    }
  },

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
  CreateSecret(secrets, input) {
    const { Name, Description, ...members } = parse(createSchema, input)
    checkName(Name)
    const given = readValue(members)
    const existing = secrets.named(Name)
    if (existing?.deletedMs != null) {
      throw invalidRequest(
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      )
    }
    const token = members.ClientRequestToken
    // A client that lost the reply asks again with the same token.
    const isRepeat = token != null && secrets.store.version(Name, token) !== undefined
    if (existing !== undefined && !isRepeat) {
      throw new AwsError(
        'ResourceExistsException',
        `The operation failed because the secret ${Name} already exists.`,
      )
    }
    if (existing === undefined) {
      secrets.store.saveSecret(Name, Description ?? '', secrets.clock.now())
    }
    if (given === undefined) return nameOf(Name)
    return { ...nameOf(Name), VersionId: addVersion(secrets, Name, token, given, ['AWSCURRENT']) }
  },

  UpdateSecret(secrets, input) {
    const { SecretId, Description, ...members } = parse(updateSchema, input)
    const { name } = secrets.findLive(SecretId)
    const given = readValue(members)
    if (Description != null) {
      secrets.store.saveSecret(name, Description, secrets.clock.now())
    }
    if (given === undefined) return nameOf(name)
    const token = members.ClientRequestToken
    return { ...nameOf(name), VersionId: addVersion(secrets, name, token, given, ['AWSCURRENT']) }
  },

  PutSecretValue(secrets, input) {
    const { SecretId, VersionStages, ...members } = parse(putSchema, input)
    const { name } = secrets.findLive(SecretId)
    const given = readValue(members)
    if (given === undefined) {
      throw invalidParameter('You must provide either SecretString or SecretBinary.')
    }
    const stages = VersionStages ?? ['AWSCURRENT']
    const id = addVersion(secrets, name, members.ClientRequestToken, given, stages)
    return { ...nameOf(name), VersionId: id, VersionStages: secrets.stagesOf(name, id) }
  },

  DescribeSecret: (secrets, input) =>
    entryOf(secrets, secrets.find(parse(onSecretSchema, input).SecretId), 'VersionIdsToStages'),

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
  ListSecrets(secrets, input) {
    const { IncludePlannedDeletion, MaxResults, NextToken } = parse(listSchema, input)
    const count = MaxResults ?? MOST_LISTED
    if (!Number.isInteger(count) || count < 1 || count > MOST_LISTED) {
      throw invalidParameter(`MaxResults must be between 1 and ${MOST_LISTED}.`)
    }
    const left = secrets.store
      .all()
      .filter(({ name }) => NextToken == null || name > NextToken)
      .filter(({ name }) => secrets.named(name) !== undefined)
      .filter(({ deletedMs }) => deletedMs === null || IncludePlannedDeletion === true)
    const shown = left.slice(0, count)
    return {
      SecretList: shown.map((secret) => entryOf(secrets, secret, 'SecretVersionsToStages')),
      ...(left.length > count && { NextToken: shown.at(-1)?.name }),
    }
  },

  ListSecretVersionIds(secrets, input) {
    const { SecretId, IncludeDeprecated } = parse(listVersionsSchema, input)
    const { name } = secrets.find(SecretId)
    const versions = secrets.store.versions(name).map(({ id, createdMs }) => ({
      VersionId: id,
      VersionStages: secrets.stagesOf(name, id),
      CreatedDate: createdMs / 1000,
    }))
    const shown = versions.filter((it) => IncludeDeprecated === true || it.VersionStages.length > 0)
    return { ...nameOf(name), Versions: shown }
  },

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
  UpdateSecretVersionStage(secrets, input) {
    const members = parse(moveStageSchema, input)
    const { name } = secrets.findLive(members.SecretId)
    const stage = members.VersionStage
    const holder = secrets.store.stages(name).get(stage)
    const target = members.MoveToVersionId ?? undefined
    if (target !== undefined && secrets.store.version(name, target) === undefined) {
      throw notFound(`the specified secret value for VersionId: ${target}`)
    }
    if (holder !== undefined && holder !== target && members.RemoveFromVersionId !== holder) {
      throw invalidParameter(
        `The parameter RemoveFromVersionId must be ${holder}, which has the staging label ${stage}.`,
      )
    }
    if (target === undefined && stage === 'AWSCURRENT') {
      throw invalidParameter('You can only move staging label AWSCURRENT to a different version.')
    }
    secrets.store.moveStage(name, stage, target, secrets.clock.now())
    return nameOf(name)
  },

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
  DeleteSecret(secrets, input) {
    const { SecretId, RecoveryWindowInDays, ForceDeleteWithoutRecovery } = parse(
      deleteSchema,
      input,
    )
    const isForced = ForceDeleteWithoutRecovery === true
    if (isForced && RecoveryWindowInDays != null) {
      throw invalidParameter(
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
      )
    }
    const days = RecoveryWindowInDays ?? 30
    if (!Number.isInteger(days) || days < 7 || days > 30) {
      throw invalidParameter('The RecoveryWindowInDays value must be between 7 and 30 days.')
    }
    const nowMs = secrets.clock.now()
    const { name } = isForced ? secrets.find(SecretId) : secrets.findLive(SecretId)
    if (isForced) {
      secrets.store.remove(name)
      return { ...nameOf(name), DeletionDate: nowMs / 1000 }
    }
    const goneMs = nowMs + days * DAY_MS
    secrets.store.markDeleted(name, nowMs, goneMs)
    return { ...nameOf(name), DeletionDate: goneMs / 1000 }
  },

  RestoreSecret(secrets, input) {
    const { name } = secrets.find(parse(onSecretSchema, input).SecretId)
    secrets.store.restore(name)
    return nameOf(name)
  },

  GetRandomPassword(_secrets, input) {
    const rules = parse(passwordSchema, input)
    try {
      return { RandomPassword: generatePassword(rules) }
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw invalidParameter(cause.message)
    }
  },
}

function nameOf(name: string): { ARN: string; Name: string } {
  return { ARN: secretArn(name), Name: name }
}

function entryOf(
  secrets: Secrets,
  secret: StoredSecret,
  stagesMember: 'VersionIdsToStages' | 'SecretVersionsToStages',
): object {
  const stagesByVersion: Record<string, string[]> = {}
  for (const [stage, versionId] of secrets.store.stages(secret.name)) {
    stagesByVersion[versionId] = [...(stagesByVersion[versionId] ?? []), stage]
  }
  return {
    ...nameOf(secret.name),
    Description: secret.description,
    CreatedDate: secret.createdMs / 1000,
    LastChangedDate: secret.changedMs / 1000,
    ...(secret.deletedMs !== null && { DeletedDate: secret.deletedMs / 1000 }),
    [stagesMember]: stagesByVersion,
  }
}

/** One of the two kinds of value, or none. */
function readValue(members: {
  SecretString?: string | null | undefined
  SecretBinary?: string | null | undefined
}): SecretValue | undefined {
  const string = members.SecretString ?? undefined
  const binary = members.SecretBinary ?? undefined
  if (string === undefined && binary === undefined) return undefined
  if (string !== undefined && binary !== undefined) {
    throw invalidParameter('You must provide either SecretString or SecretBinary.')
  }
  const bytes = Buffer.from(string ?? binary ?? '', string === undefined ? 'base64' : 'utf8').length
  if (bytes < 1 || bytes > MOST_VALUE_BYTES) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: the secret value must have length between 1 and ${MOST_VALUE_BYTES}`,
    )
  }
  return { string, binary }
}

/** Gives the id of the version, which is the caller's token when it gave one. */
function addVersion(
  secrets: Secrets,
  name: string,
  token: string | null | undefined,
  given: SecretValue,
  stages: string[],
): string {
  const id = token ?? randomUUID()
  if (id.length < 32 || id.length > 64) {
    throw invalidParameter('ClientRequestToken must be 32-64 characters long.')
  }
  const existing = secrets.store.version(name, id)
  if (existing === undefined) {
    secrets.store.addVersion(name, id, given, stages, secrets.clock.now())
  } else if (existing.string !== given.string || existing.binary !== given.binary) {
    // "The request fails because you can't modify a secret version"; the same value again is no error.
    throw new AwsError(
      'ResourceExistsException',
      `You can't modify the value of the version ${id}; it already exists.`,
    )
  }
  return id
}
