import { describe, expect, it } from 'vitest'
import { makeStack, resolveProperty, resolveThings } from './make-stack.ts'

const thing = (properties = {}, more = {}) => ({
  Type: 'Test::Thing',
  Properties: properties,
  ...more,
})

describe('resolving stacks', () => {
  it('puts a resource after everything it refers to', () => {
    const stack = makeStack({
      Resources: {
        A: thing({ Needs: { 'Fn::GetAtt': ['B', 'Arn'] } }),
        B: thing({}, { DependsOn: ['C'] }),
        C: thing(),
      },
    })

    const { resources } = resolveThings([stack])

    expect(resources.map(({ logicalId }) => logicalId)).toEqual(['C', 'B', 'A'])
    expect(resources.at(-1)?.properties).toEqual({ Needs: 'arn:Service:B' })
  })

  it('names the ring when resources refer to each other', () => {
    const stack = makeStack({
      Resources: { A: thing({ Needs: { Ref: 'B' } }), B: thing({ Needs: { Ref: 'A' } }) },
    })

    expect(() => resolveThings([stack])).toThrow(
      'stack Service, A: resources refer to each other: A -> B -> A',
    )
  })

  it('refuses a reference to a resource that is not there', () => {
    expect(() => resolveProperty({ Ref: 'Nobody' })).toThrow(
      'stack Service, Subject: refers to Nobody, which is not in the template',
    )
  })

  it('refuses an attribute that the resource does not have here', () => {
    expect(() => resolveProperty({ 'Fn::GetAtt': ['Other', 'Weight'] })).toThrow(
      'stack Service, Subject: Other (Test::Thing) has no attribute Weight',
    )
  })

  it('refuses an unknown resource type by its name, stack and logical id', () => {
    const stack = makeStack({ Resources: { Plane: { Type: 'AWS::Space::Rocket' } } })

    expect(() => resolveThings([stack])).toThrow(
      'stack Service, Plane: unknown resource type AWS::Space::Rocket',
    )
  })

  it('refuses unknown sections, rules and resource members', () => {
    expect(() => resolveThings([makeStack({ Transform: 'AWS::Include' })])).toThrow('Transform')
    expect(() => resolveThings([makeStack({ Rules: { Strange: {} } })])).toThrow('Rules.Strange')
    expect(() =>
      resolveThings([makeStack({ Resources: { A: thing({}, { CreationPolicy: {} }) } })]),
    ).toThrow('unknown resource member CreationPolicy')
  })

  it("ignores the CDK's own bootstrap check by name", () => {
    const stack = makeStack({
      Parameters: { BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>' } },
      Rules: { CheckBootstrapVersion: { Assertions: [] } },
      Resources: { A: thing() },
    })

    expect(resolveThings([stack]).resources).toHaveLength(1)
  })

  it('leaves out resources whose condition is false, and refuses references to them', () => {
    const template = {
      Parameters: { Stage: { Type: 'String', Default: 'local' } },
      Conditions: { IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
      Resources: { Extra: thing({}, { Condition: 'IsProd' }), A: thing() },
    }

    const without = resolveThings([makeStack(template)])
    const asProd = resolveThings([makeStack(template)], { parameters: { Stage: 'prod' } })

    expect(without.resources.map(({ logicalId }) => logicalId)).toEqual(['A'])
    expect(asProd.resources.map(({ logicalId }) => logicalId)).toEqual(['Extra', 'A'])
    const broken = {
      ...template,
      Resources: { ...template.Resources, B: thing({ X: { Ref: 'Extra' } }) },
    }
    expect(() => resolveThings([makeStack(broken)])).toThrow('refers to Extra')
  })

  it('reads outputs of other stacks by export and by stack output', () => {
    const data = makeStack(
      {
        Resources: { Store: thing() },
        Outputs: {
          Arn: { Value: { 'Fn::GetAtt': ['Store', 'Arn'] }, Export: { Name: 'store-arn' } },
        },
      },
      'Data',
    )
    const service = makeStack({
      Resources: {
        A: thing({
          Strong: { 'Fn::ImportValue': 'store-arn' },
          Weak: { 'Fn::GetStackOutput': { StackName: 'Data', OutputName: 'Arn' } },
        }),
      },
    })

    const { resources, trace } = resolveThings([data, service])

    expect(resources.at(-1)?.properties).toEqual({
      Strong: 'arn:Data:Store',
      Weak: 'arn:Data:Store',
    })
    for (const reference of [
      { 'Fn::ImportValue': 'store-arn' },
      { 'Fn::GetStackOutput': { StackName: 'Data', OutputName: 'Arn' } },
    ]) {
      expect(trace('Service', reference)?.logicalId).toBe('Store')
    }
  })

  it('refuses outputs that no stack has', () => {
    expect(() => resolveProperty({ 'Fn::ImportValue': 'nothing' })).toThrow(
      'no stack exports nothing',
    )
    expect(() =>
      resolveProperty({ 'Fn::GetStackOutput': { StackName: 'Data', OutputName: 'Arn' } }),
    ).toThrow('stack Data has no output Arn')
  })
})
