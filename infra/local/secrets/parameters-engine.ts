/**
 * The parameter store of Systems Manager on this machine, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/systems-manager/latest/APIReference/ for GetParameter,
 * GetParameters, GetParametersByPath and PutParameter: versions that count up, `name:version`,
 * ARNs as names, paths of a hierarchy.
 * On disk: `parameters.db` (SQLite, WAL), mode 0600.
 *
 * Gaps: String and StringList only (a secret belongs to Secrets Manager); the standard tier; no
 * labels, policies, allowed patterns, tags, filters or deletion.
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
  LOCAL_REGION,
} from '../engine.ts'
import { parseInput, unknownOperation, writeJsonReply } from '../json-service.ts'
import { ParameterStore, type StoredParameter } from './parameter-store.ts'

export interface ParametersEngine extends AwsEngine {
  /** Writes a new version unless the value is the same. */
  put(name: string, value: string, type?: 'String' | 'StringList'): { name: string; arn: string }
  get(name: string): string | undefined
}

/** "Standard parameters: up to 4 KB." */
const MOST_VALUE_BYTES = 4096
const ARN_PREFIX = `arn:aws:ssm:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:parameter`

const getSchema = z.object({ Name: z.string() })
const getManySchema = z.object({ Names: z.array(z.string()) })
const byPathSchema = z.object({
  Path: z.string(),
  Recursive: z.boolean().nullish(),
  MaxResults: z.number().nullish(),
  NextToken: z.string().nullish(),
})
const putSchema = z.object({
  Name: z.string(),
  Value: z.string(),
  Type: z.string().nullish(),
  Description: z.string().nullish(),
  Overwrite: z.boolean().nullish(),
})

type Operation = (store: ParameterStore, input: AwsCall['input'], nowMs: number) => object

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    'GetParameter',
    (store, input) => ({ Parameter: describe(find(store, parse(getSchema, input).Name)) }),
  ],
  ['GetParameters', getParameters],
  ['GetParametersByPath', getParametersByPath],
  ['PutParameter', putParameter],
])

export function createParametersEngine({
  dataDir,
  clock,
}: {
  dataDir: string
  clock: Clock
}): ParametersEngine {
  const store = new ParameterStore(dataDir)
  return {
    accessRequests: (call) => accessRequests(store, call),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(store, call.input, clock.now()))
    },

    async close(): Promise<void> {
      store.close()
    },

    put(name, value, type = 'String') {
      if (store.latest(name)?.value !== value) {
        putParameter(store, { Name: name, Value: value, Type: type, Overwrite: true }, clock.now())
      }
      return { name, arn: parameterArn(name) }
    },

    get: (name) => store.latest(name)?.value,
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html */
function accessRequests(store: ParameterStore, call: AwsCall): AccessRequest[] {
  if (!OPERATIONS.has(call.operation)) throw unknownOperation(call)
  const action = `ssm:${call.operation}`
  switch (call.operation) {
    case 'GetParameters':
      return parse(getManySchema, call.input).Names.map((name) => ({
        action,
        resource: parameterArn(readName(store, name).name),
      }))
    case 'GetParametersByPath':
      return [{ action, resource: parameterArn(parse(byPathSchema, call.input).Path) }]
    default:
      return [
        { action, resource: parameterArn(readName(store, parse(getSchema, call.input).Name).name) },
      ]
  }
}

function getParameters(store: ParameterStore, input: AwsCall['input']): object {
  const { Names } = parse(getManySchema, input)
  if (Names.length < 1 || Names.length > 10) {
    throw invalid("Value at 'names' failed to satisfy constraint: Member must have length 1 to 10")
  }
  const Parameters: object[] = []
  const InvalidParameters: string[] = []
  for (const wanted of new Set(Names)) {
    const { name, version } = readName(store, wanted)
    const parameter = version === undefined ? store.latest(name) : store.version(name, version)
    if (parameter === undefined) InvalidParameters.push(wanted)
    else Parameters.push(describe({ ...parameter, selector: selectorOf(version) }))
  }
  return { Parameters, InvalidParameters }
}

function getParametersByPath(store: ParameterStore, input: AwsCall['input']): object {
  const { Path, Recursive, MaxResults, NextToken } = parse(byPathSchema, input)
  if (!Path.startsWith('/')) {
    throw invalid('The parameter path must begin with a forward slash ("/").')
  }
  const count = MaxResults ?? 10
  if (!Number.isInteger(count) || count < 1 || count > 10) {
    throw invalid("Value at 'maxResults' failed to satisfy constraint: 1 to 10")
  }
  const prefix = Path.endsWith('/') ? Path : `${Path}/`
  const below = store
    .latestBelow(prefix)
    .filter(({ name }) => Recursive === true || !name.slice(prefix.length).includes('/'))
    .filter(({ name }) => NextToken == null || name > NextToken)
  const page = below.slice(0, count)
  return {
    Parameters: page.map((parameter) => describe(parameter)),
    ...(below.length > count && { NextToken: page.at(-1)?.name }),
  }
}

function putParameter(store: ParameterStore, input: AwsCall['input'], nowMs: number): object {
  const { Name, Value, Type, Overwrite } = parse(putSchema, input)
  const { name } = readName(store, Name)
  if (!/^[\w./-]{1,1011}$/.test(name) || /^\/?(aws|ssm)/i.test(name) || /\/\/|.\/$/.test(name)) {
    throw invalid(
      'Parameter name must be a fully qualified name of letters, numbers and .-_/ that does not begin with "aws" or "ssm".',
    )
  }
  if (name.slice(1).includes('/') && !name.startsWith('/')) {
    throw invalid('Parameter name must be a fully qualified name.')
  }
  const latest = store.latest(name)
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
  if (type !== 'String' && type !== 'StringList') {
    throw new AwsError('UnsupportedParameterType', `The parameter type ${type} is not supported.`)
  }
  const bytes = Buffer.byteLength(Value)
  if (bytes < 1 || bytes > MOST_VALUE_BYTES) {
    throw invalid(
      `Standard tier parameters support a maximum parameter value of ${MOST_VALUE_BYTES} characters.`,
    )
  }
  const version = (latest?.version ?? 0) + 1
  store.add({ name, version, type, value: Value, modifiedMs: nowMs })
  return { Version: version, Tier: 'Standard' }
}

/** The parameter of a name, an ARN or either with `:version`. */
function find(store: ParameterStore, wanted: string): StoredParameter & { selector?: string } {
  const { name, version } = readName(store, wanted)
  const latest = store.latest(name)
  if (latest === undefined) throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`)
  if (version === undefined) return latest
  const found = store.version(name, version)
  if (found !== undefined) return { ...found, selector: selectorOf(version) ?? '' }
  throw new AwsError(
    'ParameterVersionNotFound',
    `Systems Manager could not find version ${version} of ${name}.`,
  )
}

function readName(
  store: ParameterStore,
  wanted: string,
): { name: string; version: number | undefined } {
  const isArn = wanted.startsWith(ARN_PREFIX)
  const [name = '', version] = (isArn ? wanted.slice(ARN_PREFIX.length) : wanted).split(':')
  // `x` and `/x` have the same ARN: the slash may be the name's own or the ARN's.
  const isFlat = isArn && store.latest(name) === undefined
  return {
    name: isFlat ? name.slice(1) : name,
    version: version === undefined ? undefined : Number(version),
  }
}

function selectorOf(version: number | undefined): string | undefined {
  return version === undefined ? undefined : `:${version}`
}

function describe(parameter: StoredParameter & { selector?: string | undefined }): object {
  return {
    Name: parameter.name,
    Type: parameter.type,
    Value: parameter.value,
    Version: parameter.version,
    Selector: parameter.selector,
    LastModifiedDate: parameter.modifiedMs / 1000,
    ARN: parameterArn(parameter.name),
    DataType: 'text',
  }
}

/** "parameter" and the name with one slash between them, never two. */
function parameterArn(name: string): string {
  return `${ARN_PREFIX}${name.startsWith('/') ? '' : '/'}${name}`
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

function parse<T extends z.ZodType>(schema: T, input: AwsCall['input']): z.output<T> {
  return parseInput(schema, input, (member) =>
    invalid(
      `1 validation error detected: Value null at '${member.charAt(0).toLowerCase()}${member.slice(1)}' failed to satisfy constraint: Member must not be null`,
    ),
  )
}
