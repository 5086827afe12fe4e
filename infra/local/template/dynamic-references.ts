/**
 * Dynamic references, which CloudFormation fills in while it creates a resource:
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
 */
import { isObject, type Json, type JsonObject } from './json.ts'
import { TemplateError } from './template-error.ts'

/** A parsed `{{resolve:…}}`. */
export type DynamicReference =
  | { service: 'secretsmanager'; secretId: string; jsonKey: string | undefined }
  | { service: 'ssm'; name: string }

export interface Place {
  stackName: string
  logicalId: string
}

const REFERENCE = /\{\{resolve:([^}]+)\}\}/g
// The secret id is a name or a whole ARN, which has colons of its own.
const SECRET =
  /^secretsmanager:(arn:aws:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)(?::SecretString(?::([^:]*)(?::([^:]*)(?::([^:]*))?)?)?)?$/
const PARAMETER = /^ssm:([a-zA-Z0-9_./-]+)$/

/** Replaces every dynamic reference within a value. */
export async function fillDynamicReferences(
  value: Json,
  place: Place,
  read: (reference: DynamicReference) => string | Promise<string>,
): Promise<Json> {
  if (typeof value === 'string') return fillText(value, place, read)
  if (Array.isArray(value)) {
    return Promise.all(value.map((item) => fillDynamicReferences(item, place, read)))
  }
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    result[key] = await fillDynamicReferences(member, place, read)
  }
  return result
}

async function fillText(
  value: string,
  place: Place,
  read: (reference: DynamicReference) => string | Promise<string>,
): Promise<string> {
  let result = ''
  let end = 0
  for (const match of value.matchAll(REFERENCE)) {
    result += value.slice(end, match.index)
    result += await read(parseDynamicReference(match[1] ?? '', place))
    end = match.index + match[0].length
  }
  return result + value.slice(end)
}

function parseDynamicReference(expression: string, place: Place): DynamicReference {
  const secret = SECRET.exec(expression)
  if (secret !== null) {
    const [, secretId = '', jsonKey, stage, versionId] = secret
    const isCurrent = stage === undefined || stage === '' || stage === 'AWSCURRENT'
    if (isCurrent && (versionId ?? '') === '') {
      return { service: 'secretsmanager', secretId, jsonKey: jsonKey === '' ? undefined : jsonKey }
    }
  }
  const parameter = PARAMETER.exec(expression)
  if (parameter !== null) return { service: 'ssm', name: parameter[1] ?? '' }
  throw new TemplateError(
    place.stackName,
    place.logicalId,
    `unknown dynamic reference {{resolve:${expression}}}`,
  )
}
