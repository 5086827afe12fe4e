import type { StackTemplate } from '../../../infra/local/template/assembly.ts'
import type { JsonObject } from '../../../infra/local/template/json.ts'
import {
  type ResolvedStacks,
  type ResolveOptions,
  resolveStacks,
} from '../../../infra/local/template/resolve-stacks.ts'
import { TemplateError } from '../../../infra/local/template/template-error.ts'

/** A stack template; only what a test is about needs to be given. */
export function makeStack(template: JsonObject, name = 'Service'): StackTemplate {
  return { name, region: undefined, template }
}

/** Resolves stacks in which only `Test::Thing` exists, with a `Name` and an `Arn`. */
export function resolveThings(
  stacks: StackTemplate[],
  options: Partial<ResolveOptions> = {},
): ResolvedStacks {
  return resolveStacks(stacks, {
    accountId: '111122223333',
    region: 'us-east-1',
    identify: ({ stackName, logicalId, type }) => {
      if (type !== 'Test::Thing') {
        throw new TemplateError(stackName, logicalId, `unknown resource type ${type}`)
      }
      return {
        ref: logicalId.toLowerCase(),
        attributes: { Arn: `arn:${stackName}:${logicalId}` },
      }
    },
    ...options,
  })
}

/** Resolves one value as a property of a resource that stands beside `Other`. */
export function resolveProperty(value: JsonObject, sections: JsonObject = {}): unknown {
  const stack = makeStack({
    ...sections,
    Resources: {
      Other: { Type: 'Test::Thing' },
      Subject: { Type: 'Test::Thing', Properties: { Value: value } },
    },
  })
  const { resources } = resolveThings([stack])
  return resources.find(({ logicalId }) => logicalId === 'Subject')?.properties['Value']
}
