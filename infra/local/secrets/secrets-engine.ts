/**
 * Secrets Manager on this machine, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/secretsmanager/latest/apireference/ for GetSecretValue,
 * PutSecretValue and DescribeSecret: names, full and partial ARNs, versions by id and by stage,
 * AWSCURRENT and AWSPREVIOUS. Generated values follow CloudFormation's GenerateSecretString.
 * The six characters after a name are made from the name, so that an ARN outlives the data.
 * On disk: `secrets.db` (SQLite, WAL), mode 0600, values in the clear.
 *
 * Gaps: secrets come from templates only; no rotation, tags, deletion, replication or resource
 * policies; a version that loses its last stage is dropped at once.
 */
import { createHash, randomUUID } from 'node:crypto'
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
import { type GenerateSecretString, generateSecretString } from './generate-secret.ts'
import { SecretStore, type SecretVersion, type StoredSecret } from './secret-store.ts'

export interface SecretProperties {
  name: string
  description?: string
  /** Either of them; a secret without both has no value yet. */
  secretString?: string
  generate?: GenerateSecretString
}

export interface SecretsEngine extends AwsEngine {
  /** Idempotent: a secret that has a value keeps it, whatever the template says. */
  createSecret(properties: SecretProperties): { name: string; arn: string }
  putValue(nameOrArn: string, value: string): void
  /** The current value, or one member of its JSON object. */
  getValue(nameOrArn: string, jsonKey?: string): string
}

const MOST_VALUE_BYTES = 65_536
const ARN_PREFIX = `arn:aws:secretsmanager:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:secret:`

const getSchema = z.object({
  SecretId: z.string(),
  VersionId: z.string().nullish(),
  VersionStage: z.string().nullish(),
})
const putSchema = z.object({
  SecretId: z.string(),
  ClientRequestToken: z.string().nullish(),
  SecretString: z.string().nullish(),
  SecretBinary: z.string().nullish(),
  VersionStages: z.array(z.string()).nullish(),
})
const describeSchema = z.object({ SecretId: z.string() })

type Operation = (store: SecretStore, input: AwsCall['input'], nowMs: number) => object

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['GetSecretValue', getSecretValue],
  ['PutSecretValue', putSecretValue],
  ['DescribeSecret', describeSecret],
])

export function createSecretsEngine({
  dataDir,
  clock,
}: {
  dataDir: string
  clock: Clock
}): SecretsEngine {
  const store = new SecretStore(dataDir)
  return {
    accessRequests: (call) => accessRequests(call),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(store, call.input, clock.now()))
    },

    async close(): Promise<void> {
      store.close()
    },

    createSecret({ name, description = '', secretString, generate }) {
      if (!/^[\w/+=.@-]{1,512}$/.test(name)) throw invalidName()
      store.saveSecret(name, description, clock.now())
      if (!store.stages(name).has('AWSCURRENT')) {
        const value = generate === undefined ? secretString : generateSecretString(generate)
        if (value !== undefined) addCurrent(store, name, value, clock.now())
      }
      return { name, arn: secretArn(name) }
    },

    putValue(nameOrArn, value) {
      addCurrent(store, findSecret(store, nameOrArn).name, value, clock.now())
    },

    getValue(nameOrArn, jsonKey) {
      const { string = '' } = findVersion(store, findSecret(store, nameOrArn), {})
      if (jsonKey === undefined) return string
      const member = (JSON.parse(string) as Record<string, unknown>)[jsonKey]
      if (member === undefined) {
        throw new AwsError('ResourceNotFoundException', `${nameOrArn} has no member ${jsonKey}.`)
      }
      return typeof member === 'string' ? member : JSON.stringify(member)
    },
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html */
function accessRequests(call: AwsCall): AccessRequest[] {
  if (!OPERATIONS.has(call.operation)) throw unknownOperation(call)
  const { SecretId } = parse(describeSchema, call.input)
  const stage = call.input?.['VersionStage']
  return [
    {
      action: `secretsmanager:${call.operation}`,
      resource: secretArn(secretName(SecretId)),
      context: {
        'secretsmanager:SecretId': SecretId,
        ...(typeof stage === 'string' && { 'secretsmanager:VersionStage': stage }),
      },
    },
  ]
}

function getSecretValue(store: SecretStore, input: AwsCall['input']): object {
  const members = parse(getSchema, input)
  const secret = findSecret(store, members.SecretId)
  const version = findVersion(store, secret, members)
  return {
    ARN: secretArn(secret.name),
    Name: secret.name,
    VersionId: version.id,
    SecretString: version.string,
    SecretBinary: version.binary,
    VersionStages: stagesOf(store, secret.name, version.id),
    CreatedDate: version.createdMs / 1000,
  }
}

function putSecretValue(store: SecretStore, input: AwsCall['input'], nowMs: number): object {
  const members = parse(putSchema, input)
  const { name } = findSecret(store, members.SecretId)
  const value = {
    string: members.SecretString ?? undefined,
    binary: members.SecretBinary ?? undefined,
  }
  if ((value.string === undefined) === (value.binary === undefined)) {
    throw new AwsError(
      'InvalidParameterException',
      'You must provide either SecretString or SecretBinary.',
    )
  }
  const bytes =
    value.string === undefined
      ? Buffer.from(value.binary ?? '', 'base64').length
      : Buffer.byteLength(value.string)
  if (bytes < 1 || bytes > MOST_VALUE_BYTES) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: the secret value must have length between 1 and ${MOST_VALUE_BYTES}`,
    )
  }
  const id = members.ClientRequestToken ?? randomUUID()
  if (id.length < 32 || id.length > 64) {
    throw new AwsError(
      'InvalidParameterException',
      'ClientRequestToken must be 32-64 characters long.',
    )
  }
  const existing = store.version(name, id)
  if (existing === undefined) {
    store.addVersion(name, id, value, members.VersionStages ?? ['AWSCURRENT'], nowMs)
  } else if (existing.string !== value.string || existing.binary !== value.binary) {
    // "The request fails because you can't modify a secret version"; the same value again is no error.
    throw new AwsError(
      'ResourceExistsException',
      `You can't modify the value of the version ${id}; it already exists.`,
    )
  }
  return {
    ARN: secretArn(name),
    Name: name,
    VersionId: id,
    VersionStages: stagesOf(store, name, id),
  }
}

function describeSecret(store: SecretStore, input: AwsCall['input']): object {
  const secret = findSecret(store, parse(describeSchema, input).SecretId)
  const stagesByVersion: Record<string, string[]> = {}
  for (const [stage, versionId] of store.stages(secret.name)) {
    stagesByVersion[versionId] = [...(stagesByVersion[versionId] ?? []), stage]
  }
  return {
    ARN: secretArn(secret.name),
    Name: secret.name,
    Description: secret.description,
    CreatedDate: secret.createdMs / 1000,
    LastChangedDate: secret.changedMs / 1000,
    VersionIdsToStages: stagesByVersion,
  }
}

function addCurrent(store: SecretStore, name: string, value: string, nowMs: number): void {
  const versionId = randomUUID()
  store.addVersion(name, versionId, { string: value, binary: undefined }, ['AWSCURRENT'], nowMs)
}

function findVersion(
  store: SecretStore,
  secret: StoredSecret,
  wanted: { VersionId?: string | null | undefined; VersionStage?: string | null | undefined },
): SecretVersion {
  const stage = wanted.VersionStage ?? (wanted.VersionId == null ? 'AWSCURRENT' : undefined)
  const staged = stage === undefined ? undefined : store.stages(secret.name).get(stage)
  if (stage !== undefined && staged === undefined) {
    throw notFound(`the specified secret value for staging label: ${stage}`)
  }
  const version = store.version(secret.name, wanted.VersionId ?? staged ?? '')
  // "If you include both parameters, the two must refer to the same secret version."
  if (version === undefined || (staged !== undefined && staged !== version.id)) {
    throw notFound(`the specified secret value for VersionId: ${wanted.VersionId}`)
  }
  return version
}

function findSecret(store: SecretStore, secretId: string): StoredSecret {
  const secret = store.find(secretName(secretId))
  if (secret === undefined) throw notFound('the specified secret.')
  return secret
}

/**
 * Name in a name, a full or a partial ARN. A partial ARN whose name ends in a hyphen and six
 * characters is taken for a full one and not found, as on AWS.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
 */
function secretName(secretId: string): string {
  if (!secretId.startsWith(ARN_PREFIX)) return secretId
  const tail = secretId.slice(ARN_PREFIX.length)
  const full = /^(.+)-([A-Za-z0-9]{6})$/.exec(tail)
  if (full === null) return tail
  const [, name = '', suffix] = full
  return suffix === arnSuffix(name) ? name : ''
}

/** The ARN of a secret of that name. */
export function secretArn(name: string): string {
  return `${ARN_PREFIX}${name}-${arnSuffix(name)}`
}

function arnSuffix(name: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  const digest = createHash('sha256').update(name).digest()
  return [...digest.subarray(0, 6)].map((byte) => alphabet.charAt(byte % 62)).join('')
}

function stagesOf(store: SecretStore, name: string, versionId: string): string[] {
  return [...store.stages(name)].filter(([, id]) => id === versionId).map(([stage]) => stage)
}

function notFound(what: string): AwsError {
  return new AwsError('ResourceNotFoundException', `Secrets Manager can't find ${what}`)
}

function invalidName(): AwsError {
  return new AwsError(
    'ValidationException',
    'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
  )
}

function parse<T extends z.ZodType>(schema: T, input: AwsCall['input']): z.output<T> {
  return parseInput(schema, input, (member) => {
    const name = member.charAt(0).toLowerCase() + member.slice(1)
    return new AwsError(
      'ValidationException',
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  })
}
