import { createHash } from 'node:crypto'
import type * as z from 'zod'
import type { Clock } from '../clock.ts'
import { type AwsCall, AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { parseInput } from '../json-service.ts'
import type { SecretStore, SecretVersion, StoredSecret } from './secret-store.ts'

export type Input = AwsCall['input']

const ARN_PREFIX = `arn:aws:secretsmanager:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:secret:`

/** Secrets by whatever names them, at the time of the clock. */
export class Secrets {
  readonly store: SecretStore
  readonly clock: Clock

  constructor(store: SecretStore, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  /** By exact name; undefined also when its recovery window is over. */
  named(name: string): StoredSecret | undefined {
    const secret = this.store.find(name)
    if (secret?.goneMs == null || this.clock.now() < secret.goneMs) return secret
    this.store.remove(name)
    return undefined
  }

  /** By name or ARN, a deleted one that can be restored included. */
  find(secretId: string): StoredSecret {
    const secret = this.named(secretName(secretId))
    if (secret === undefined) throw notFound('the specified secret.')
    return secret
  }

  /** One that can be read and written. */
  findLive(secretId: string): StoredSecret {
    const secret = this.find(secretId)
    if (secret.deletedMs !== null) {
      throw invalidRequest(
        "You can't perform this operation on the secret because it was marked for deletion.",
      )
    }
    return secret
  }

  findVersion(
    secret: StoredSecret,
    wanted: { VersionId?: string | null | undefined; VersionStage?: string | null | undefined },
  ): SecretVersion {
    const stage = wanted.VersionStage ?? (wanted.VersionId == null ? 'AWSCURRENT' : undefined)
    const staged = stage === undefined ? undefined : this.store.stages(secret.name).get(stage)
    if (stage !== undefined && staged === undefined) {
      throw notFound(`the specified secret value for staging label: ${stage}`)
    }
    const version = this.store.version(secret.name, wanted.VersionId ?? staged ?? '')
    // "If you include both parameters, the two must refer to the same secret version."
    if (version === undefined || (staged !== undefined && staged !== version.id)) {
      throw notFound(`the specified secret value for VersionId: ${wanted.VersionId}`)
    }
    return version
  }

  stagesOf(name: string, versionId: string): string[] {
    const stages = [...this.store.stages(name)]
    return stages.filter(([, id]) => id === versionId).map(([stage]) => stage)
  }
}

/**
 * Name in a name, a full or a partial ARN. A partial ARN whose name ends in a hyphen and six
 * characters is taken for a full one and not found, as on AWS.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
 */
export function secretName(secretId: string): string {
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

export function notFound(what: string): AwsError {
  return new AwsError('ResourceNotFoundException', `Secrets Manager can't find ${what}`)
}

export function invalidRequest(message: string): AwsError {
  return new AwsError('InvalidRequestException', message)
}

export function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message)
}

export function checkName(name: string): void {
  if (/^[\w/+=.@-]{1,512}$/.test(name)) return
  throw new AwsError(
    'ValidationException',
    'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
  )
}

export function parse<T extends z.ZodType>(schema: T, input: Input): z.output<T> {
  return parseInput(schema, input, (member) => {
    const name = member.charAt(0).toLowerCase() + member.slice(1)
    return new AwsError(
      'ValidationException',
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  })
}
