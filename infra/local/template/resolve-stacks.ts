/**
 * Resolves the stacks of an assembly to a flat list of resources with literal properties, each
 * after everything it refers to. Pure: names are derived, nothing is created.
 * Dynamic references (`{{resolve:…}}`) stay in the text, as they are only known once secrets exist.
 */
import type { StackTemplate } from './assembly.ts'
import { evaluateCondition, intrinsicOf, resolveValue, type Scope } from './intrinsics.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import { TemplateError } from './template-error.ts'

/** A resource of a template with every intrinsic resolved. */
export interface Resource {
  stackName: string
  logicalId: string
  type: string
  properties: JsonObject
  /** Properties as synthesized; for the few places where it matters which resource was meant. */
  source: JsonObject
}

/** What other resources see of a resource. */
export interface Identity {
  ref: string
  attributes: Record<string, string>
}

export interface ResolvedResource extends Resource, Identity {}

export interface ResolveOptions {
  accountId: string
  region: string
  /** Values for parameters without a default, by parameter name. */
  parameters?: Record<string, string>
  /** Names a resource; throws `TemplateError` for a type it does not know. */
  identify(resource: Resource): Identity
}

export interface ResolvedStacks {
  resources: ResolvedResource[]
  outputs: Map<string, Record<string, Json>>
  /** The resource behind a reference of a stack, followed through outputs of other stacks. */
  trace(stackName: string, value: Json): ResolvedResource | undefined
}

/** Written by the CDK into every template to check its own bootstrap; means nothing here. */
const IGNORED_PARAMETERS = new Set(['BootstrapVersion'])
const IGNORED_RULES = new Set(['CheckBootstrapVersion'])

const KNOWN_SECTIONS = new Set([
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules',
])
const KNOWN_RESOURCE_MEMBERS = new Set([
  'Condition',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
])

export function resolveStacks(stacks: StackTemplate[], options: ResolveOptions): ResolvedStacks {
  const resolved = new Map<string, StackResolver>()
  const exports = new Map<string, StackExport>()
  for (const stack of stacks) {
    const resolver = new StackResolver(stack, options, resolved, exports)
    resolved.set(stack.name, resolver)
    resolver.resolve()
  }
  return {
    resources: [...resolved.values()].flatMap((resolver) => resolver.resources),
    outputs: new Map([...resolved].map(([name, resolver]) => [name, resolver.outputs])),
    trace: (stackName, value) => resolved.get(stackName)?.trace(value),
  }
}

interface StackExport {
  value: Json
  stackName: string
  outputName: string
}

class StackResolver {
  readonly resources: ResolvedResource[] = []
  readonly outputs: Record<string, Json> = {}
  readonly #stack: StackTemplate
  readonly #options: ResolveOptions
  readonly #others: ReadonlyMap<string, StackResolver>
  readonly #exports: Map<string, StackExport>
  readonly #done = new Map<string, ResolvedResource>()
  readonly #open: string[] = []
  readonly #conditions = new Map<string, boolean>()

  constructor(
    stack: StackTemplate,
    options: ResolveOptions,
    others: ReadonlyMap<string, StackResolver>,
    exports: Map<string, StackExport>,
  ) {
    this.#stack = stack
    this.#options = options
    this.#others = others
    this.#exports = exports
  }

  get region(): string | undefined {
    return this.#stack.region
  }

  resolve(): void {
    const unknown = Object.keys(this.#stack.template).find((key) => !KNOWN_SECTIONS.has(key))
    if (unknown !== undefined) throw this.#problem('template', `unknown section ${unknown}`)
    const rule = Object.keys(this.#section('Rules')).find((name) => !IGNORED_RULES.has(name))
    if (rule !== undefined) throw this.#problem(`Rules.${rule}`, 'rules are not evaluated here')

    for (const logicalId of Object.keys(this.#section('Resources'))) this.#resource(logicalId)
    for (const [name, output] of Object.entries(this.#section('Outputs'))) {
      this.#output(name, output)
    }
  }

  /** Follows references, also through outputs of other stacks, to the resource that they end at. */
  trace(value: Json): ResolvedResource | undefined {
    if (!isObject(value)) return undefined
    const intrinsic = intrinsicOf(value, { stackName: this.#stack.name, place: 'trace' })
    if (intrinsic?.name === 'Ref') return this.#done.get(String(intrinsic.argument))
    if (intrinsic?.name === 'Fn::GetAtt') {
      const target = Array.isArray(intrinsic.argument)
        ? intrinsic.argument[0]
        : String(intrinsic.argument).split('.')[0]
      return this.#done.get(String(target))
    }
    if (intrinsic?.name === 'Fn::GetStackOutput' && isObject(intrinsic.argument)) {
      const { StackName, OutputName } = intrinsic.argument
      return this.#others.get(String(StackName))?.traceOutput(String(OutputName))
    }
    if (intrinsic?.name === 'Fn::ImportValue') {
      const exported = this.#exports.get(String(intrinsic.argument))
      return exported && this.#others.get(exported.stackName)?.traceOutput(exported.outputName)
    }
    return undefined
  }

  traceOutput(name: string): ResolvedResource | undefined {
    const output = this.#section('Outputs')[name]
    return isObject(output) ? this.trace(output['Value'] ?? null) : undefined
  }

  #resource(logicalId: string): ResolvedResource | undefined {
    const known = this.#done.get(logicalId)
    if (known !== undefined) return known
    const definition = this.#section('Resources')[logicalId]
    if (!isObject(definition)) return undefined
    const member = Object.keys(definition).find((key) => !KNOWN_RESOURCE_MEMBERS.has(key))
    if (member !== undefined) throw this.#problem(logicalId, `unknown resource member ${member}`)
    if (this.#open.includes(logicalId)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(logicalId)), logicalId].join(' -> ')
      throw this.#problem(logicalId, `resources refer to each other: ${cycle}`)
    }
    const condition = definition['Condition']
    if (condition !== undefined && !this.#condition(String(condition), logicalId)) return undefined

    this.#open.push(logicalId)
    for (const dependency of [definition['DependsOn'] ?? []].flat()) {
      this.#dependency(String(dependency), logicalId)
    }
    const source = isObject(definition['Properties']) ? definition['Properties'] : {}
    const properties = resolveValue(source, this.#scope(logicalId))
    const resource: Resource = {
      stackName: this.#stack.name,
      logicalId,
      type: String(definition['Type']),
      properties: isObject(properties) ? properties : {},
      source,
    }
    const resolved = { ...resource, ...this.#options.identify(resource) }
    this.#open.pop()

    this.#done.set(logicalId, resolved)
    this.resources.push(resolved)
    return resolved
  }

  #dependency(target: string, logicalId: string): void {
    if (this.#section('Resources')[target] === undefined) {
      throw this.#problem(logicalId, `DependsOn names ${target}, which is not in the template`)
    }
    this.#resource(target)
  }

  #output(name: string, definition: Json): void {
    const place = `Outputs.${name}`
    if (!isObject(definition)) throw this.#problem(place, 'not an output')
    const condition = definition['Condition']
    if (condition !== undefined && !this.#condition(String(condition), place)) return
    const scope = this.#scope(place)
    const value = resolveValue(definition['Value'] ?? null, scope)
    if (value === undefined) throw this.#problem(place, 'has no value')
    this.outputs[name] = value
    if (isObject(definition['Export'])) {
      const exportName = resolveValue(definition['Export']['Name'] ?? null, scope)
      this.#exports.set(String(exportName), {
        value,
        stackName: this.#stack.name,
        outputName: name,
      })
    }
  }

  #condition(name: string, place: string): boolean {
    const known = this.#conditions.get(name)
    if (known !== undefined) return known
    const expression = this.#section('Conditions')[name]
    if (expression === undefined) throw this.#problem(place, `unknown condition ${name}`)
    const value = evaluateCondition(expression, this.#scope(`Conditions.${name}`))
    this.#conditions.set(name, value)
    return value
  }

  #scope(place: string): Scope {
    return {
      stackName: this.#stack.name,
      place,
      mappings: this.#section('Mappings'),
      condition: (name) => this.#condition(name, place),
      ref: (logicalId) => this.#ref(logicalId, place),
      attribute: (logicalId, attribute) => this.#attribute(logicalId, attribute, place),
      importValue: (exportName) => {
        const exported = this.#exports.get(exportName)
        if (exported === undefined) throw this.#problem(place, `no stack exports ${exportName}`)
        return exported.value
      },
      stackOutput: (stackName, outputName, region) => {
        if (region !== undefined && region !== (this.#stackRegion(stackName) ?? region)) {
          throw this.#problem(place, `stack ${stackName} is not in ${region}`)
        }
        const value = this.#others.get(stackName)?.outputs[outputName]
        if (value === undefined) {
          throw this.#problem(place, `stack ${stackName} has no output ${outputName}`)
        }
        return value
      },
    }
  }

  #stackRegion(stackName: string): string | undefined {
    return this.#others.get(stackName)?.region
  }

  #ref(logicalId: string, place: string): Json | undefined {
    if (logicalId.startsWith('AWS::')) return this.#pseudoParameter(logicalId, place)
    const parameter = this.#section('Parameters')[logicalId]
    if (isObject(parameter)) return this.#parameter(logicalId, parameter, place)
    const resource = this.#resource(logicalId)
    if (resource === undefined) throw this.#missing(logicalId, place)
    return resource.ref
  }

  #attribute(logicalId: string, attribute: string, place: string): Json {
    const resource = this.#resource(logicalId)
    if (resource === undefined) throw this.#missing(logicalId, place)
    const value = resource.attributes[attribute]
    if (value === undefined) {
      throw this.#problem(
        place,
        `${logicalId} (${resource.type}) has no attribute ${attribute} in the local cloud`,
      )
    }
    return value
  }

  #pseudoParameter(name: string, place: string): Json | undefined {
    switch (name) {
      case 'AWS::AccountId':
        return this.#options.accountId
      case 'AWS::Region':
        return this.#stack.region ?? this.#options.region
      case 'AWS::Partition':
        return 'aws'
      case 'AWS::URLSuffix':
        return 'amazonaws.com'
      case 'AWS::StackName':
        return this.#stack.name
      case 'AWS::StackId': {
        const region = this.#stack.region ?? this.#options.region
        return `arn:aws:cloudformation:${region}:${this.#options.accountId}:stack/${this.#stack.name}/local`
      }
      case 'AWS::NoValue':
        return undefined
      default:
        throw this.#problem(place, `unknown pseudo parameter ${name}`)
    }
  }

  #parameter(name: string, definition: JsonObject, place: string): Json {
    if (IGNORED_PARAMETERS.has(name)) {
      throw this.#problem(place, `refers to ${name}, which only the CDK's own check may read`)
    }
    const type = String(definition['Type'])
    if (type !== 'String' && type !== 'Number') {
      throw this.#problem(`Parameters.${name}`, `unknown parameter type ${type}`)
    }
    const value = this.#options.parameters?.[name] ?? definition['Default']
    if (value === undefined) throw this.#problem(`Parameters.${name}`, 'has no value here')
    return value
  }

  #section(name: string): JsonObject {
    const section = this.#stack.template[name]
    return isObject(section) ? section : {}
  }

  #missing(logicalId: string, place: string): TemplateError {
    return this.#problem(place, `refers to ${logicalId}, which is not in the template`)
  }

  #problem(place: string, message: string): TemplateError {
    return new TemplateError(this.#stack.name, place, message)
  }
}
