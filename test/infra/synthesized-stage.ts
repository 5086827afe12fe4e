/** Synthesizes a stage in process, with empty bundles, and answers questions about its templates. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { addStacks } from '../../infra/app.ts'
import { FUNCTION_NAMES } from '../../infra/constructs/function-list.ts'

export interface Resource {
  Type: string
  // Templates are JSON of many shapes; the tests say which member they expect.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  Properties: any
  DeletionPolicy?: string
}

export interface Statement {
  Effect: string
  Action: string | string[]
  Resource: unknown
  Condition?: Record<string, Record<string, string | string[]>>
}

export interface SynthesizedStage {
  app: App
  templates: Record<string, string>
  data: Record<string, Resource>
  service: Record<string, Resource>
  site: Record<string, Resource>
  edge: Record<string, Resource>
}

export function synthesizeStage(context: Record<string, string>): SynthesizedStage {
  const dir = mkdtempSync(join(tmpdir(), 'portage-infra-'))
  const functionsDir = join(dir, 'functions')
  for (const name of FUNCTION_NAMES) {
    mkdirSync(join(functionsDir, name), { recursive: true })
    writeFileSync(join(functionsDir, name, 'index.js'), 'exports.handler = async () => {}\n')
  }
  const cdkJson = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: object }
  const app = new App({ outdir: join(dir, 'cdk.out'), context: { ...cdkJson.context, ...context } })
  const { data, service, site, edge } = addStacks(app, { functionsDir })
  const stacks = { data, service, site, ...(edge === undefined ? {} : { edge }) }
  const templates = Object.entries(stacks).map(
    ([name, stack]) => [name, Template.fromStack(stack).toJSON()] as const,
  )
  rmSync(dir, { recursive: true })
  const resources = (name: string): Record<string, Resource> =>
    templates.find(([stack]) => stack === name)?.[1]['Resources'] ?? {}
  return {
    app,
    templates: Object.fromEntries(
      templates.map(([name, template]) => [name, JSON.stringify(template)]),
    ),
    data: resources('data'),
    service: resources('service'),
    site: resources('site'),
    edge: resources('edge'),
  }
}

export function ofType(resources: Record<string, Resource>, type: string): Resource[] {
  return Object.values(resources).filter((resource) => resource.Type === type)
}

export function theOnly(resources: Record<string, Resource>, type: string): Resource {
  const [first, ...others] = ofType(resources, type)
  if (first === undefined || others.length > 0) {
    throw new Error(`${others.length + (first ? 1 : 0)} resources of type ${type}`)
  }
  return first
}

/** What the role of each function allows, by the function's name without stage. */
export function statementsByFunction(
  service: Record<string, Resource>,
): Record<string, Statement[]> {
  const policies = ofType(service, 'AWS::IAM::Policy')
  return Object.fromEntries(
    ofType(service, 'AWS::Lambda::Function').map(({ Properties: fn }) => {
      const role: string = fn.Role['Fn::GetAtt'][0]
      const statements = policies
        .filter(({ Properties: policy }) =>
          policy.Roles.some((reference: { Ref: string }) => reference.Ref === role),
        )
        .flatMap(({ Properties: policy }) => policy.PolicyDocument.Statement as Statement[])
      return [String(fn.FunctionName).replace(/^portage-[a-z]+-/, ''), statements]
    }),
  )
}

export function actionsOf(statement: Statement): string[] {
  return [statement.Action].flat()
}

/** Prefixes of partition keys that a statement is limited to. */
export function leadingKeysOf(statement: Statement): string[] {
  return [statement.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? []].flat()
}
