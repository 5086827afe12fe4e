/**
 * The parameter store of Systems Manager on this machine, spoken in its JSON protocol.
 *
 * Obeys https://docs.aws.amazon.com/systems-manager/latest/APIReference/ for GetParameter,
 * GetParameters, GetParametersByPath, GetParameterHistory, PutParameter, DeleteParameter and
 * DeleteParameters: versions that count up, the last 100 kept, `name:version`, ARNs as names, paths
 * of a hierarchy of 15 levels, types that do not change, 4 KB.
 * A SecureString is sealed by KMS under its key or `alias/aws/ssm`, with the parameter's ARN as the
 * encryption context; with an own key the caller needs kms:Encrypt or kms:Decrypt as well.
 * On disk: `parameters.db` (SQLite, WAL), mode 0600; every reply follows its commit.
 *
 * Gaps: the standard tier; no DescribeParameters, labels, policies, allowed patterns, tags, filters
 * and parameters of AWS's own; an advanced tier that is asked for is the standard one.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { type AccessRequest, type AwsCall, type AwsEngine, LOCAL_REGION } from '../engine.ts'
import { unknownOperation, writeJsonReply } from '../json-service.ts'
import { SSM_ALIAS } from '../kms/keyring.ts'
import type { KmsEngine } from '../kms/kms-engine.ts'
import {
  byPathSchema,
  getManySchema,
  getSchema,
  PARAMETER_OPERATIONS,
  type ParameterOperation,
  putParameter,
  putSchema,
} from './parameter-operations.ts'
import type { StoredParameter } from './parameter-store.ts'
import { Parameters, parameterArn, parse, sealingContext } from './parameters.ts'

export interface ParametersEngine extends AwsEngine {
  /** Writes a new version unless the value is the same. */
  put(name: string, value: string, type?: 'String' | 'StringList'): { name: string; arn: string }
  get(name: string): string | undefined
}

/** Operations by the name in `X-Amz-Target: AmazonSSM.<name>`. */
const OPERATIONS = new Map<string, ParameterOperation>(Object.entries(PARAMETER_OPERATIONS))

export function createParametersEngine({
  dataDir,
  clock,
  kms,
}: {
  dataDir: string
  clock: Clock
  kms: KmsEngine
}): ParametersEngine {
  const parameters = new Parameters(dataDir, clock, kms)
  return {
    accessRequests: (call) => accessRequests(parameters, call),
    // A secret parameter is judged by the policy of its key too.
    resourcePolicy: (arn) => kms.resourcePolicy(arn),

    async handle(call: AwsCall, response: ServerResponse): Promise<void> {
      const operation = OPERATIONS.get(call.operation)
      if (operation === undefined) throw unknownOperation(call)
      writeJsonReply(call, response, '1.1', operation(parameters, call.input))
    },

    async close(): Promise<void> {
      parameters.store.close()
    },

    put(name, value, type = 'String') {
      if (parameters.store.latest(name)?.value !== value) {
        putParameter(parameters, { Name: name, Value: value, Type: type, Overwrite: true })
      }
      return { name, arn: parameterArn(name) }
    },

    get(name) {
      const latest = parameters.store.latest(name)
      return latest && parameters.open(latest)
    },
  }
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html */
function accessRequests(parameters: Parameters, call: AwsCall): AccessRequest[] {
  const { operation, input } = call
  if (!OPERATIONS.has(operation)) throw unknownOperation(call)
  const action = `ssm:${operation}`
  const onName = (wanted: string): AccessRequest => ({
    action,
    resource: parameterArn(parameters.select(wanted).name),
  })
  const opens = input?.['WithDecryption'] === true
  switch (operation) {
    case 'GetParameters':
    case 'DeleteParameters': {
      const { Names } = parse(getManySchema, input)
      const latest = Names.map((name) => parameters.store.latest(parameters.select(name).name))
      return [...Names.map(onName), ...(opens ? openRequests(parameters, latest) : [])]
    }
    case 'GetParametersByPath': {
      const { Path } = parse(byPathSchema, input)
      const below = opens ? parameters.store.latestBelow(Path) : []
      return [{ action, resource: parameterArn(Path) }, ...openRequests(parameters, below)]
    }
    case 'PutParameter': {
      const { Name, Type, KeyId } = parse(putSchema, input)
      const { name } = parameters.select(Name)
      const type = Type ?? parameters.store.latest(name)?.type
      const sealing =
        type === 'SecureString' ? keyRequest(parameters, 'kms:Encrypt', name, KeyId) : []
      return [onName(Name), ...sealing]
    }
    default: {
      const { Name } = parse(getSchema, input)
      const latest = parameters.store.latest(parameters.select(Name).name)
      return [onName(Name), ...(opens ? openRequests(parameters, [latest]) : [])]
    }
  }
}

function openRequests(
  parameters: Parameters,
  found: (StoredParameter | undefined)[],
): AccessRequest[] {
  return found.flatMap((it) =>
    it?.type === 'SecureString'
      ? keyRequest(parameters, 'kms:Decrypt', it.name, parameters.kms.keyArnOfBlob(it.value))
      : [],
  )
}

/** "The AWS managed key's policy lets every user of the account use it by way of Parameter Store." */
function keyRequest(
  parameters: Parameters,
  action: string,
  name: string,
  keyId: string | null | undefined,
): AccessRequest[] {
  const resource = parameters.keyArn(keyId ?? SSM_ALIAS)
  if (resource === parameters.keyArn(SSM_ALIAS)) return []
  const { PARAMETER_ARN } = sealingContext(name)
  const context = {
    'kms:ViaService': `ssm.${LOCAL_REGION}.amazonaws.com`,
    'kms:EncryptionContext:PARAMETER_ARN': PARAMETER_ARN,
    'kms:EncryptionContextKeys': ['PARAMETER_ARN'],
  }
  return [{ action, resource, context }]
}
