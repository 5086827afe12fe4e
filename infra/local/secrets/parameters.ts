import type * as z from 'zod'
import type { Clock } from '../clock.ts'
import { type AwsCall, AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { parseInput } from '../json-service.ts'
import type { KmsEngine } from '../kms/kms-engine.ts'
import { ParameterStore, type StoredParameter } from './parameter-store.ts'

export type Input = AwsCall['input']

const ARN_PREFIX = `arn:aws:ssm:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:parameter`

/** What a name, an ARN or either with `:version` points at. */
export interface Selection {
  name: string
  version: number | undefined
}

type Selected = StoredParameter & { selector?: string | undefined }

/** Parameters by whatever names them, with KMS for those that are secret. */
export class Parameters {
  readonly store: ParameterStore
  readonly clock: Clock
  readonly kms: KmsEngine

  constructor(dataDir: string, clock: Clock, kms: KmsEngine) {
    this.store = new ParameterStore(dataDir)
    this.clock = clock
    this.kms = kms
  }

  select(wanted: string): Selection {
    const isArn = wanted.startsWith(ARN_PREFIX)
    const [name = '', version] = (isArn ? wanted.slice(ARN_PREFIX.length) : wanted).split(':')
    // `x` and `/x` have the same ARN: the slash may be the name's own or the ARN's.
    const isFlat = isArn && this.store.latest(name) === undefined
    return {
      name: isFlat ? name.slice(1) : name,
      version: version === undefined ? undefined : Number(version),
    }
  }

  find(wanted: string): Selected {
    const { name, version } = this.select(wanted)
    const latest = this.store.latest(name)
    if (latest === undefined) throw notFound(name)
    if (version === undefined) return latest
    const found = this.store.version(name, version)
    if (found !== undefined) return { ...found, selector: `:${version}` }
    throw new AwsError(
      'ParameterVersionNotFound',
      `Systems Manager could not find version ${version} of ${name}.`,
    )
  }

  /**
   * "The parameter's ARN is the encryption context":
   * https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
   */
  seal(name: string, value: string, keyId: string): string {
    const context = sealingContext(name)
    return this.#byKms(() => this.kms.seal(keyId, Buffer.from(value), context).toString('base64'))
  }

  /** A parameter as replies show it; a secret one is shown sealed unless it was asked for. */
  describe(parameter: Selected, withDecryption: boolean): object {
    return {
      Name: parameter.name,
      Type: parameter.type,
      Value: withDecryption ? this.open(parameter) : parameter.value,
      Version: parameter.version,
      Selector: parameter.selector,
      LastModifiedDate: parameter.modifiedMs / 1000,
      ARN: parameterArn(parameter.name),
      DataType: 'text',
    }
  }

  open({ name, type, value }: StoredParameter): string {
    if (type !== 'SecureString') return value
    const blob = Buffer.from(value, 'base64')
    return this.#byKms(() => this.kms.open(blob, sealingContext(name)).toString())
  }

  keyArn(keyId: string): string {
    return this.#byKms(() => this.kms.keyArn(keyId))
  }

  /** What KMS refuses about a key, the parameter store says in its own words. */
  #byKms<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (!(cause instanceof AwsError)) throw cause
      throw new AwsError('InvalidKeyId', cause.message)
    }
  }
}

export function sealingContext(name: string): { PARAMETER_ARN: string } {
  return { PARAMETER_ARN: parameterArn(name) }
}

/** "parameter" and the name with one slash between them, never two. */
export function parameterArn(name: string): string {
  return `${ARN_PREFIX}${name.startsWith('/') ? '' : '/'}${name}`
}

export function notFound(name: string): AwsError {
  return new AwsError('ParameterNotFound', `Parameter ${name} not found.`)
}

export function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

export function parse<T extends z.ZodType>(schema: T, input: Input): z.output<T> {
  return parseInput(schema, input, (member) =>
    invalid(
      `1 validation error detected: Value null at '${member.charAt(0).toLowerCase()}${member.slice(1)}' failed to satisfy constraint: Member must not be null`,
    ),
  )
}
