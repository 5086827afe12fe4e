/**
 * Resolves the intrinsic functions of a template value, as CloudFormation does:
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 * Known: Ref, GetAtt, Sub, Join, Select, Split, If, FindInMap, ImportValue, GetStackOutput and the
 * condition functions Equals, And, Or, Not, Condition. Everything else is an error that names it.
 */
import { isObject, type Json, type JsonObject } from './json.ts'
import { TemplateError } from './template-error.ts'

/** What the intrinsics of one place of one stack may look up. */
export interface Scope {
  stackName: string
  /** Logical id or section, for errors. */
  place: string
  mappings: JsonObject
  /** Value of a named condition of the stack. */
  condition(name: string): boolean
  /** `Ref` of a resource, a parameter or a pseudo parameter; undefined stands for `AWS::NoValue`. */
  ref(logicalId: string): Json | undefined
  attribute(logicalId: string, attribute: string): Json
  importValue(exportName: string): Json
  stackOutput(stackName: string, outputName: string, region: string | undefined): Json
}

/** Resolves a value; `undefined` means that it is to be left out (`AWS::NoValue`). */
export function resolveValue(value: Json, scope: Scope): Json | undefined {
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const resolved = resolveValue(item, scope)
      return resolved === undefined ? [] : [resolved]
    })
  }
  if (!isObject(value)) return value
  const intrinsic = intrinsicOf(value, scope)
  if (intrinsic !== undefined) return resolveIntrinsic(intrinsic.name, intrinsic.argument, scope)
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const resolved = resolveValue(member, scope)
    if (resolved !== undefined) result[key] = resolved
  }
  return result
}

/** Evaluates a condition expression (`Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, `Condition`). */
export function evaluateCondition(expression: Json, scope: Scope): boolean {
  const [name, ...rest] = isObject(expression) ? Object.keys(expression) : []
  if (!isObject(expression) || name === undefined || rest.length > 0) {
    throw problem(scope, `not a condition: ${JSON.stringify(expression)}`)
  }
  const argument = expression[name] ?? null
  const operands = Array.isArray(argument) ? argument : [argument]
  switch (name) {
    case 'Condition':
      return scope.condition(String(argument))
    case 'Fn::Equals': {
      const [left, right] = operands.map((operand) => resolveValue(operand, scope))
      return JSON.stringify(left) === JSON.stringify(right)
    }
    case 'Fn::And':
      return operands.every((operand) => evaluateCondition(operand, scope))
    case 'Fn::Or':
      return operands.some((operand) => evaluateCondition(operand, scope))
    case 'Fn::Not':
      return !evaluateCondition(operands[0] ?? null, scope)
    default:
      throw problem(scope, `unknown condition function ${name}`)
  }
}

/** The intrinsic that an object stands for, if it is one. */
export function intrinsicOf(
  value: JsonObject,
  where: { stackName: string; place: string },
): { name: string; argument: Json } | undefined {
  const keys = Object.keys(value)
  const name = keys.find((key) => key === 'Ref' || key.startsWith('Fn::'))
  if (name === undefined) return undefined
  if (keys.length > 1) {
    throw problem(where, `${name} stands beside other members: ${keys.join(', ')}`)
  }
  return { name, argument: value[name] ?? null }
}

/** `[logical id, attribute]` of a `Fn::GetAtt` in either of its spellings. */
function attributeReference(argument: Json): [string, string] | undefined {
  const parts = Array.isArray(argument) ? argument : String(argument).split('.')
  const [logicalId, ...attribute] = parts
  if (typeof logicalId !== 'string' || attribute.length === 0) return undefined
  if (!attribute.every((part) => typeof part === 'string')) return undefined
  return [logicalId, attribute.join('.')]
}

function resolveIntrinsic(name: string, argument: Json, scope: Scope): Json | undefined {
  switch (name) {
    case 'Ref':
      return scope.ref(String(argument))
    case 'Fn::GetAtt': {
      const reference = attributeReference(argument)
      if (reference === undefined) {
        throw problem(
          scope,
          `Fn::GetAtt of ${JSON.stringify(argument)} is not [resource, attribute]`,
        )
      }
      return scope.attribute(...reference)
    }
    case 'Fn::Sub':
      return substitute(argument, scope)
    case 'Fn::Join': {
      const [delimiter, list] = listArgument(name, argument, scope)
      const items = resolveValue(list ?? null, scope)
      if (!Array.isArray(items)) throw problem(scope, 'Fn::Join needs a list')
      return items.map((item) => text(name, item, scope)).join(String(delimiter))
    }
    case 'Fn::Select': {
      const [index, list] = listArgument(name, argument, scope)
      const items = resolveValue(list ?? null, scope)
      const item = Array.isArray(items) ? items[Number(index)] : undefined
      if (item === undefined) throw problem(scope, `Fn::Select finds no item ${String(index)}`)
      return item
    }
    case 'Fn::Split': {
      const [delimiter, source] = listArgument(name, argument, scope)
      return text(name, resolveValue(source ?? null, scope), scope).split(String(delimiter))
    }
    case 'Fn::If': {
      const [condition, whenTrue, whenFalse] = listArgument(name, argument, scope)
      const branch = scope.condition(String(condition)) ? whenTrue : whenFalse
      return resolveValue(branch ?? null, scope)
    }
    case 'Fn::FindInMap': {
      const [map, first, second] = listArgument(name, argument, scope).map((part) =>
        String(resolveValue(part, scope)),
      )
      return findInMap(map ?? '', first ?? '', second ?? '', scope)
    }
    case 'Fn::ImportValue':
      return scope.importValue(text(name, resolveValue(argument, scope), scope))
    case 'Fn::GetStackOutput': {
      const fields = resolveValue(argument, scope)
      if (!isObject(fields)) throw problem(scope, `${name} needs StackName and OutputName`)
      const region = fields['Region']
      if (fields['RoleArn'] !== undefined && fields['RoleArn'] !== null) {
        throw problem(scope, `${name} of another account does not run here`)
      }
      return scope.stackOutput(
        text(name, fields['StackName'], scope),
        text(name, fields['OutputName'], scope),
        typeof region === 'string' ? region : undefined,
      )
    }
    default:
      throw problem(scope, `unknown intrinsic ${name}`)
  }
}

function substitute(argument: Json, scope: Scope): string {
  const [template, variables] = Array.isArray(argument) ? argument : [argument, {}]
  if (typeof template !== 'string') throw problem(scope, 'Fn::Sub needs a string')
  const own = isObject(variables) ? variables : {}
  return template.replace(/\$\{([^}]*)\}/g, (whole, expression: string) => {
    if (expression.startsWith('!')) return `\${${expression.slice(1)}}`
    const name = expression.trim()
    const local = own[name]
    if (local !== undefined) return text('Fn::Sub', resolveValue(local, scope), scope)
    const reference = name.includes('.') ? attributeReference(name) : undefined
    const value = reference === undefined ? scope.ref(name) : scope.attribute(...reference)
    if (value === undefined) throw problem(scope, `Fn::Sub of ${whole} has no value`)
    return text('Fn::Sub', value, scope)
  })
}

function findInMap(map: string, first: string, second: string, scope: Scope): Json {
  const table = scope.mappings[map]
  const row = isObject(table) ? table[first] : undefined
  const value = isObject(row) ? row[second] : undefined
  if (value === undefined) {
    throw problem(scope, `Fn::FindInMap finds no [${map}, ${first}, ${second}]`)
  }
  return value
}

function listArgument(name: string, argument: Json, scope: Scope): Json[] {
  if (!Array.isArray(argument)) throw problem(scope, `${name} needs a list`)
  return argument
}

function text(name: string, value: Json | undefined, scope: Scope): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw problem(scope, `${name} needs text, not ${JSON.stringify(value)}`)
}

function problem(where: { stackName: string; place: string }, message: string): TemplateError {
  return new TemplateError(where.stackName, where.place, message)
}
