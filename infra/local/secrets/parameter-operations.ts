/** The wire: members of each operation in, members of its reply out. */
import * as z from 'zod'
import { AwsError } from '../engine.ts'
import { SSM_ALIAS } from '../kms/keyring.ts'
import { type Input, invalid, notFound, type Parameters, parse } from './parameters.ts'

export type ParameterOperation = (parameters: Parameters, input: Input) => object

/** "Standard parameters: up to 4 KB." */
const MOST_VALUE_BYTES = 4096
const MOST_LEVELS = 15
const TYPES = ['String', 'StringList', 'SecureString']

const decryption = { WithDecryption: z.boolean().nullish() }
export const getSchema = z.object({ Name: z.string(), ...decryption })
export const getManySchema = z.object({ Names: z.array(z.string()), ...decryption })
export const byPathSchema = z.object({
  Path: z.string(),
  Recursive: z.boolean().nullish(),
  MaxResults: z.number().nullish(),
  NextToken: z.string().nullish(),
  ...decryption,
})
const historySchema = z.object({
  Name: z.string(),
  MaxResults: z.number().nullish(),
  NextToken: z.string().nullish(),
  ...decryption,
})
export const putSchema = z.object({
  Name: z.string(),
  Value: z.string(),
  Type: z.string().nullish(),
  KeyId: z.string().nullish(),
  Overwrite: z.boolean().nullish(),
})

export const PARAMETER_OPERATIONS: Record<string, ParameterOperation> = {
  GetParameter(parameters, input) {
    const { Name, WithDecryption } = parse(getSchema, input)
    return { Parameter: parameters.describe(parameters.find(Name), WithDecryption === true) }
  },

  GetParameters(parameters, input) {
    const { Names, WithDecryption } = parse(getManySchema, input)
    checkNames(Names)
    const Parameters: object[] = []
    const InvalidParameters: string[] = []
    for (const wanted of new Set(Names)) {
      const { name, version } = parameters.select(wanted)
      const isThere =
        version === undefined
          ? parameters.store.latest(name) !== undefined
          : parameters.store.version(name, version) !== undefined
      if (!isThere) InvalidParameters.push(wanted)
      else Parameters.push(parameters.describe(parameters.find(wanted), WithDecryption === true))
    }
    return { Parameters, InvalidParameters }
  },

  GetParametersByPath(parameters, input) {
    const { Path, Recursive, MaxResults, NextToken, WithDecryption } = parse(byPathSchema, input)
    if (!Path.startsWith('/')) {
      throw invalid('The parameter path must begin with a forward slash ("/").')
    }
    const prefix = Path.endsWith('/') ? Path : `${Path}/`
    const below = parameters.store
      .latestBelow(prefix)
      .filter(({ name }) => Recursive === true || !name.slice(prefix.length).includes('/'))
      .filter(({ name }) => NextToken == null || name > NextToken)
    const page = below.slice(0, checkCount(MaxResults, 10))
    return {
      Parameters: page.map((parameter) => parameters.describe(parameter, WithDecryption === true)),
      ...(below.length > page.length && { NextToken: page.at(-1)?.name }),
    }
  },

  // https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
  GetParameterHistory(parameters, input) {
    const { Name, MaxResults, NextToken, WithDecryption } = parse(historySchema, input)
    const { name } = parameters.select(Name)
    const versions = parameters.store.history(name)
    if (versions.length === 0) throw notFound(name)
    const left = versions.filter(({ version }) => version > Number(NextToken ?? 0))
    const page = left.slice(0, checkCount(MaxResults, 50))
    return {
      Parameters: page.map((it) => ({
        Name: it.name,
        Type: it.type,
        Value: WithDecryption === true ? parameters.open(it) : it.value,
        Version: it.version,
        LastModifiedDate: it.modifiedMs / 1000,
        Tier: 'Standard',
        DataType: 'text',
        Labels: [],
        Policies: [],
      })),
      ...(left.length > page.length && { NextToken: String(page.at(-1)?.version) }),
    }
  },

  PutParameter: putParameter,

  DeleteParameter(parameters, input) {
    const { name } = parameters.select(parse(getSchema, input).Name)
    if (!parameters.store.remove(name)) throw notFound(name)
    return {}
  },

  DeleteParameters(parameters, input) {
    const { Names } = parse(getManySchema, input)
    checkNames(Names)
    const DeletedParameters: string[] = []
    const InvalidParameters: string[] = []
    for (const wanted of new Set(Names)) {
      const isDeleted = parameters.store.remove(parameters.select(wanted).name)
      if (isDeleted) DeletedParameters.push(wanted)
      else InvalidParameters.push(wanted)
    }
    return { DeletedParameters, InvalidParameters }
  },
}

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html */
export function putParameter(parameters: Parameters, input: Input): object {
  const { Name, Value, Type, KeyId, Overwrite } = parse(putSchema, input)
  const { name } = parameters.select(Name)
  checkName(name)
  const latest = parameters.store.latest(name)
  if (latest !== undefined && Overwrite !== true) {
    throw new AwsError(
      'ParameterAlreadyExists',
      'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
    )
  }
  const type = Type ?? latest?.type
  if (type === undefined) {
    throw invalid('A parameter type is required when you create a parameter.')
  }
  if (!TYPES.includes(type)) {
    throw invalid(
      `1 validation error detected: Value '${type}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [${TYPES.join(', ')}]`,
    )
  }
  if (latest !== undefined && latest.type !== type) {
    throw new AwsError(
      'HierarchyTypeMismatchException',
      `The parameter is of type ${latest.type}; a type does not change. Delete the parameter and make it anew.`,
    )
  }
  const bytes = Buffer.byteLength(Value)
  if (bytes < 1 || bytes > MOST_VALUE_BYTES) {
    throw invalid(
      `Standard tier parameters support a maximum parameter value of ${MOST_VALUE_BYTES} characters.`,
    )
  }
  if (KeyId != null && type !== 'SecureString') {
    throw invalid('KeyId is required for SecureString type parameter only.')
  }
  const value = type === 'SecureString' ? parameters.seal(name, Value, KeyId ?? SSM_ALIAS) : Value
  const version = (latest?.version ?? 0) + 1
  parameters.store.add({ name, version, type, value, modifiedMs: parameters.clock.now() })
  return { Version: version, Tier: 'Standard' }
}

function checkName(name: string): void {
  if (!/^[\w./-]{1,1011}$/.test(name) || /^\/?(aws|ssm)/i.test(name) || /\/\/|.\/$/.test(name)) {
    throw invalid(
      'Parameter name must be a fully qualified name of letters, numbers and .-_/ that does not begin with "aws" or "ssm".',
    )
  }
  if (name.slice(1).includes('/') && !name.startsWith('/')) {
    throw invalid('Parameter name must be a fully qualified name.')
  }
  if (name.split('/').length - 1 > MOST_LEVELS) {
    throw new AwsError(
      'HierarchyLevelLimitExceededException',
      `A parameter name can have at most ${MOST_LEVELS} levels.`,
    )
  }
}

function checkNames(names: string[]): void {
  if (names.length < 1 || names.length > 10) {
    throw invalid("Value at 'names' failed to satisfy constraint: Member must have length 1 to 10")
  }
}

function checkCount(count: number | null | undefined, most: number): number {
  const wanted = count ?? most
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= most) return wanted
  throw invalid(`Value at 'maxResults' failed to satisfy constraint: 1 to ${most}`)
}
