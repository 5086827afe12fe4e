import type { PolicyDocument } from '../policy-document.ts'
import { isObject, type Json } from '../template/json.ts'
import type { Identity, ResolvedResource, Resource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import type { Provisioning } from './provisioning.ts'

/** Where the local cloud answers; part of what resources are called. */
export interface Where {
  /** `127.0.0.1:4401` */
  awsHost: string
  /** `127.0.0.1:4400` */
  edgeHost: string
}

/** How a type of resource comes to life on this machine. */
export interface ResourceType {
  /** Properties that are obeyed here or make no difference here; any other is an error. */
  properties: readonly string[]
  identify(resource: Resource, where: Where): Identity
  life:
    | { create(resource: ResolvedResource, cloud: Provisioning): void | Promise<void> }
    /** Read where the resource it belongs to is created. */
    | { partOf: string }
    /** Does nothing here. */
    | { inert: string }
}

/** A text property, or undefined when the template leaves it out. */
export function textOf(resource: Resource, property: string): string | undefined {
  const value = resource.properties[property]
  return value === undefined ? undefined : String(value)
}

export function requiredText(resource: Resource, property: string): string {
  const value = textOf(resource, property)
  if (value === undefined) throw failureOf(resource)(`needs ${property}`)
  return value
}

export function policyOf(resource: Resource, document: Json | undefined): PolicyDocument {
  if (!isObject(document) || document['Statement'] === undefined) {
    throw failureOf(resource)('has a policy without statements')
  }
  // The evaluator compiles the document and refuses what it does not know.
  return document as unknown as PolicyDocument
}
