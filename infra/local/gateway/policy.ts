/**
 * Decides whether policies allow a request, by IAM's own order: an explicit deny wins, then any
 * allow, else the implicit deny
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
 *
 * What it cannot judge it refuses to load: unknown operators and versions, empty lists, values of
 * the wrong kind, NotPrincipal, a Principal in an identity's policy, and a policy variable inside
 * NotResource or a negated operator throw `PolicyError`, so that nothing is ever half understood.
 * A condition on a key with several values needs ForAllValues or ForAnyValue and throws without.
 *
 * Gaps: permission boundaries, session policies, service control policies and other accounts do
 * not exist here. Policy documents are compiled once and must not be changed afterwards.
 */
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import {
  many,
  type PolicyDocument,
  PolicyError,
  type PolicyStatement,
  type RequestContext,
} from '../policy-document.ts'
import { type Condition, compileCondition } from './policy-condition.ts'
import {
  compilePattern,
  compileResource,
  hasVariable,
  matchPattern,
  matchResource,
  type Pattern,
  type ResourcePattern,
} from './policy-pattern.ts'

/** One permission asked for; context keys of all kinds together, in any case. */
interface PolicyRequest {
  action: string
  resource: string
  context: RequestContext
}

/** Who asks: an IAM identity by its ARN or a service by its name (`cloudfront.amazonaws.com`). */
export type PolicyPrincipal = { arn: string } | { service: string }

export type DecisionReason =
  | 'identity-allow'
  | 'resource-allow'
  | 'identity-deny'
  | 'resource-deny'
  | 'no-identity-allow'
  | 'no-resource-allow'

interface PolicyDecision {
  allowed: boolean
  reason: DecisionReason
}

/**
 * Decides one request. `policies` are the caller's own; `resourcePolicies` those attached to the
 * resource. `unrestricted` stands for AdministratorAccess: a deny on the resource still holds.
 */
export function evaluatePolicies(
  policies: readonly PolicyDocument[] | 'unrestricted',
  resourcePolicies: readonly PolicyDocument[],
  request: PolicyRequest,
  principal: PolicyPrincipal,
): PolicyDecision {
  // Action names are not case-sensitive.
  const asked = { ...request, action: request.action.toLowerCase() }
  let identityAllows = policies === 'unrestricted'
  let resourceAllows = false
  let accountDelegated = false

  if (policies !== 'unrestricted') {
    for (const document of policies) {
      for (const statement of identityStatements(document)) {
        if (statement.deny ? !matches(statement, asked) : identityAllows) continue
        if (statement.deny) return { allowed: false, reason: 'identity-deny' }
        identityAllows = matches(statement, asked)
      }
    }
  }
  for (const document of resourcePolicies) {
    for (const statement of compiled(document)) {
      const named = principalMatch(statement, principal)
      if (named === 'none' || !matches(statement, asked)) continue
      if (statement.deny) return { allowed: false, reason: 'resource-deny' }
      if (named === 'account') accountDelegated = true
      else resourceAllows = true
    }
  }

  if (resourceAllows) return { allowed: true, reason: 'resource-allow' }
  // A key policy must let IAM policies of the account speak, other resources let them by default:
  // https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  const identityIsHeard =
    accountDelegated || resourcePolicies.length === 0 || !/^kms:/i.test(request.action)
  if (!identityIsHeard) return { allowed: false, reason: 'no-resource-allow' }
  return identityAllows
    ? { allowed: true, reason: 'identity-allow' }
    : { allowed: false, reason: 'no-identity-allow' }
}

/** Compiles an identity's policy now, so that one which cannot be judged fails where it is registered. */
export function checkPolicy(document: PolicyDocument): void {
  identityStatements(document)
}

function identityStatements(document: PolicyDocument): readonly CompiledStatement[] {
  const statements = compiled(document)
  if (statements.some((it) => it.principal !== undefined)) {
    throw new PolicyError('The policy of an identity names no Principal')
  }
  return statements
}

interface CompiledStatement {
  deny: boolean
  principal: PolicyStatement['Principal']
  actions: readonly Pattern[]
  notActions: boolean
  resources: readonly ResourcePattern[]
  notResources: boolean
  conditions: readonly Condition[]
}

const compiledDocuments = new WeakMap<PolicyDocument, readonly CompiledStatement[]>()

function compiled(document: PolicyDocument): readonly CompiledStatement[] {
  const known = compiledDocuments.get(document)
  if (known) return known
  const { Version = '2008-10-17' } = document
  if (Version !== '2012-10-17' && Version !== '2008-10-17') {
    throw new PolicyError(`Version ${Version} of a policy is not known`)
  }
  const withVariables = Version === '2012-10-17'
  const statements = many(document.Statement).map((it) => compileStatement(it, withVariables))
  compiledDocuments.set(document, statements)
  return statements
}

const STATEMENT_MEMBERS = new Set([
  'Sid',
  'Effect',
  'Principal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])

/** `*`, or a service and an action with or without wildcards. */
const ACTION = /^(\*|[a-z0-9-]+:[a-z0-9*?]+)$/i

function compileStatement(statement: PolicyStatement, withVariables: boolean): CompiledStatement {
  const unknown = Object.keys(statement).find((member) => !STATEMENT_MEMBERS.has(member))
  if (unknown) throw new PolicyError(`Statement member ${unknown} is not supported`)
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
    throw new PolicyError(`Effect ${String(statement.Effect)} is neither Allow nor Deny`)
  }
  const actions = statement.Action ?? statement.NotAction
  const resources = statement.Resource ?? statement.NotResource
  if (actions === undefined || (statement.Action && statement.NotAction)) {
    throw new PolicyError('A statement needs exactly one of Action and NotAction')
  }
  if (statement.Resource && statement.NotResource) {
    throw new PolicyError('A statement has both Resource and NotResource')
  }
  if (resources === undefined && statement.Principal === undefined) {
    throw new PolicyError('A statement needs one of Resource and NotResource')
  }
  for (const list of [actions, resources]) {
    if (Array.isArray(list) && list.length === 0)
      throw new PolicyError('A statement has an empty list')
  }
  const malformed = many(actions).find((it) => !ACTION.test(it))
  if (malformed !== undefined) throw new PolicyError(`Action ${malformed} is not understood`)
  const compiledResources = many(resources ?? '*').map((it) => compileResource(it, withVariables))
  if (statement.NotResource && compiledResources.some(hasVariable)) {
    throw new PolicyError(`A policy variable inside NotResource: ${many(statement.NotResource)}`)
  }
  return {
    deny: statement.Effect === 'Deny',
    principal: statement.Principal,
    actions: many(actions).map((it) => compilePattern(it.toLowerCase(), false)),
    notActions: statement.NotAction !== undefined,
    resources: compiledResources,
    notResources: statement.NotResource !== undefined,
    conditions: Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) =>
        compileCondition(operator, key, many(values).map(String), withVariables),
      ),
    ),
  }
}

/** The action of the request is in lower case. */
function matches(statement: CompiledStatement, request: PolicyRequest): boolean {
  const { action } = request
  const actionNamed = statement.actions.some((it) => matchPattern(it, action, request.context))
  if (actionNamed === statement.notActions) return false
  const resourceNamed = statement.resources.some((it) =>
    matchResource(it, request.resource, request.context),
  )
  if (resourceNamed === statement.notResources) return false
  return statement.conditions.every((it) => it.holds(request.context))
}

function principalMatch(
  statement: CompiledStatement,
  principal: PolicyPrincipal,
): 'named' | 'account' | 'none' {
  const named = statement.principal
  if (named === undefined) throw new PolicyError('A resource policy statement without Principal')
  if (named === '*') return 'named'
  let account = false
  for (const [type, values] of Object.entries(named)) {
    for (const value of many(values)) {
      if (type === 'Service') {
        if ('service' in principal && principal.service === value) return 'named'
      } else if (type === 'AWS' && 'arn' in principal) {
        if (value === '*' || value === principal.arn) return 'named'
        // The account stands for every identity in it: it denies directly, but allows only
        // what an identity's own policy allows as well.
        if (value === LOCAL_ACCOUNT_ID || value === `arn:aws:iam::${LOCAL_ACCOUNT_ID}:root`) {
          account = true
        }
      } else if (type === 'AWS' && value === '*') {
        return 'named'
      }
    }
  }
  return account ? 'account' : 'none'
}
