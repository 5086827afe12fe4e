/**
 * Secrets Manager on this machine, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/secretsmanager/latest/apireference/ for making, reading,
 * updating, describing and listing secrets, versions by id and by stage (AWSCURRENT, AWSPREVIOUS and
 * own ones), moving stages, deletion with 7 to 30 days to recover or at once, restoring, and
 * GetRandomPassword; names, full and partial ARNs. Versions without a stage are kept up to 100.
 * Generated values follow CloudFormation's GenerateSecretString.
 * The six characters after a name are made from the name, so that an ARN outlives the data.
 * On disk: `secrets.db` (SQLite, WAL), mode 0600, values in the clear; every reply follows its
 * commit. Time is the injected clock's.
 *
 * Gaps: no rotation, tags, replication, resource policies, BatchGetSecretValue and filters of lists;
 * KmsKeyId is ignored; a secret made anew after its deletion has the ARN of the old one.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import type { Clock } from '../clock.ts'
import { type AccessRequest, type AwsCall, type AwsEngine, AwsError } from '../engine.ts'
import { unknownOperation, writeJsonReply } from '../json-service.ts'
import { type GenerateSecretString, generateSecretString } from './generate-secret.ts'
import { SECRET_OPERATIONS, type SecretOperation } from './secret-operations.ts'
import { SecretStore } from './secret-store.ts'
import { checkName, parse, Secrets, secretArn, secretName } from './secrets.ts'

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

/** Operations by the name in `X-Amz-Target: secretsmanager.<name>`. */
const OPERATIONS = new Map<string, SecretOperation>(Object.entries(SECRET_OPERATIONS))

const namesSchema = z.object({ SecretId: z.string() })
const newNameSchema = z.object({ Name: z.string() })

export function createSecretsEngine({
  dataDir,
  clock,
}: {
  dataDir: string
  clock: Clock
}): SecretsEngine {
  const secrets = new Secrets(new SecretStore(dataDir), clock)
  const addCurrent = (name: string, value: string): void =>
    secrets.store.addVersion(
      name,
      randomUUID(),
      { string: value, binary: undefined },
      ['AWSCURRENT'],
      clock.now(),
    )

  return {
    accessRequests,

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(secrets, call.input))
    },

    async close(): Promise<void> {
      secrets.store.close()
    },

    createSecret({ name, description = '', secretString, generate }) {
      checkName(name)
      // What a template holds is there, also when somebody deleted it.
      if (secrets.named(name) !== undefined) secrets.store.restore(name)
      secrets.store.saveSecret(name, description, clock.now())
      if (!secrets.store.stages(name).has('AWSCURRENT')) {
        const value = generate === undefined ? secretString : generateSecretString(generate)
        if (value !== undefined) addCurrent(name, value)
      }
      return { name, arn: secretArn(name) }
    },

    putValue(nameOrArn, value) {
      addCurrent(secrets.findLive(nameOrArn).name, value)
    },

    getValue(nameOrArn, jsonKey) {
      const { string = '' } = secrets.findVersion(secrets.findLive(nameOrArn), {})
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
  const { operation, input } = call
  if (!OPERATIONS.has(operation)) throw unknownOperation(call)
  const action = `secretsmanager:${operation}`
  if (operation === 'ListSecrets' || operation === 'GetRandomPassword') {
    return [{ action, resource: '*' }]
  }
  if (operation === 'CreateSecret') {
    const { Name } = parse(newNameSchema, input)
    return [{ action, resource: secretArn(Name), context: { 'secretsmanager:Name': Name } }]
  }
  const { SecretId } = parse(namesSchema, input)
  const stage = input?.['VersionStage']
  return [
    {
      action,
      resource: secretArn(secretName(SecretId)),
      context: {
        'secretsmanager:SecretId': SecretId,
        ...(typeof stage === 'string' && { 'secretsmanager:VersionStage': stage }),
      },
    },
  ]
}
