/** Policies as templates spell them. */
export type OneOrMany<T> = T | readonly T[]
type ConditionValue = string | number | boolean

export interface PolicyStatement {
  Sid?: string
  Effect: 'Allow' | 'Deny'
  Principal?: '*' | Readonly<Record<string, OneOrMany<string>>>
  NotPrincipal?: unknown
  Action?: OneOrMany<string>
  NotAction?: OneOrMany<string>
  Resource?: OneOrMany<string>
  NotResource?: OneOrMany<string>
  Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany<ConditionValue>>>>>
}

/** A policy as templates spell it, intrinsics already resolved. */
export interface PolicyDocument {
  Version?: string
  Id?: string
  Statement: OneOrMany<PolicyStatement>
}

export type RequestContext = Readonly<Record<string, string | readonly string[]>>

/** A policy that this evaluator cannot judge. */
export class PolicyError extends Error {
  override name = 'PolicyError' as const
}

export function many<T>(value: OneOrMany<T>): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}
