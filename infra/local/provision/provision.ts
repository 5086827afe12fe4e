/**
 * Brings the resources of a cloud assembly to life, each after everything it refers to. What exists
 * on disk is kept and gets the template's settings; dynamic references are filled in on the way.
 */
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { Assembly } from '../template/assembly.ts'
import { type DynamicReference, fillDynamicReferences } from '../template/dynamic-references.ts'
import { isObject } from '../template/json.ts'
import {
  type ResolvedResource,
  type ResolvedStacks,
  resolveStacks,
} from '../template/resolve-stacks.ts'
import { failureOf, TemplateError } from '../template/template-error.ts'
import type { CloudEngines } from './cloud-engines.ts'
import type { Provisioning } from './provisioning.ts'
import type { ResourceType, Where } from './resource-type.ts'
import { RESOURCE_TYPES } from './resource-types.ts'

/** Pure: what the assembly's resources are called here. */
export function resolveAssembly(assembly: Assembly, where: Where): ResolvedStacks {
  const elsewhere = assembly.stacks.find(
    ({ region }) => region !== undefined && region !== LOCAL_REGION,
  )
  if (elsewhere !== undefined) {
    throw new TemplateError(elsewhere.name, 'manifest.json', `only ${LOCAL_REGION} exists here`)
  }
  return resolveStacks(assembly.stacks, {
    accountId: LOCAL_ACCOUNT_ID,
    region: LOCAL_REGION,
    identify(resource) {
      const type = RESOURCE_TYPES[resource.type]
      if (type === undefined) throw failureOf(resource)(`unknown resource type ${resource.type}`)
      const property = Object.keys(resource.properties).find(
        (name) => !type.properties.includes(name),
      )
      if (property !== undefined) {
        throw failureOf(resource)(`property ${property} of ${resource.type} is not played here`)
      }
      return type.identify(resource, where)
    },
  })
}

/** Creates everything in its engine and returns what has to be started. */
export async function provision(
  assembly: Assembly,
  stacks: ResolvedStacks,
  engines: CloudEngines,
): Promise<Provisioning> {
  const resources = [...stacks.resources]
  const cloud: Provisioning = {
    engines,
    assets: assembly.assets,
    ofType: (type) => resources.filter((resource) => resource.type === type),
    trace: stacks.trace,
    functions: [],
    principals: [],
    apis: [],
    mappings: [],
    streamMappings: [],
    rules: [],
    schedules: [],
    distributions: [],
  }
  for (const [index, resource] of resources.entries()) {
    const { life } = typeOf(resource)
    if (!('create' in life)) continue
    const filled = await fill(resource, engines)
    resources[index] = filled
    await life.create(filled, cloud)
  }
  return cloud
}

/** Logical ids of the resources that do nothing here, with the reason. */
export function inertResources(stacks: ResolvedStacks): { resource: string; reason: string }[] {
  return stacks.resources.flatMap((resource) => {
    const { life } = typeOf(resource)
    return 'inert' in life
      ? [{ resource: `${resource.stackName}/${resource.logicalId}`, reason: life.inert }]
      : []
  })
}

async function fill(resource: ResolvedResource, engines: CloudEngines): Promise<ResolvedResource> {
  const { stackName, logicalId } = resource
  const place = { stackName, logicalId }
  const filled = await fillDynamicReferences(resource.properties, place, (reference) =>
    readReference(resource, reference, engines),
  )
  return { ...resource, properties: isObject(filled) ? filled : {} }
}

async function readReference(
  resource: ResolvedResource,
  reference: DynamicReference,
  { secrets, parameters }: CloudEngines,
): Promise<string> {
  const value =
    reference.service === 'ssm'
      ? parameters.get(reference.name)
      : secrets.getValue(reference.secretId, reference.jsonKey)
  if (value === undefined) {
    throw failureOf(resource)(`refers to ${JSON.stringify(reference)}, which does not exist`)
  }
  return value
}

function typeOf(resource: ResolvedResource): ResourceType {
  const type = RESOURCE_TYPES[resource.type]
  if (type === undefined) throw failureOf(resource)(`unknown resource type ${resource.type}`)
  return type
}
