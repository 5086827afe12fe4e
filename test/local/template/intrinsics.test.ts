import { describe, expect, it } from 'vitest'
import { resolveProperty } from './make-stack.ts'

describe('intrinsics', () => {
  it.each([
    ['Ref of a resource', { Ref: 'Other' }, 'other'],
    ['Ref of a pseudo parameter', { Ref: 'AWS::Partition' }, 'aws'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Other.Arn' }, 'arn:Service:Other'],
    [
      'Sub',
      { 'Fn::Sub': `\${Other}|\${Other.Arn}|\${AWS::Region}|\${!Kept}` },
      `other|arn:Service:Other|us-east-1|\${Kept}`,
    ],
    ['Sub with variables', { 'Fn::Sub': [`a-\${X}`, { X: { Ref: 'Other' } }] }, 'a-other'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'AWS::AccountId' }, 3]] }, 'a-111122223333-3'],
    [
      'Select of Split',
      { 'Fn::Select': ['1', { 'Fn::Split': [':', { 'Fn::GetAtt': ['Other', 'Arn'] }] }] },
      'Service',
    ],
    ['FindInMap', { 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'big'] }, 7],
    ['If', { 'Fn::If': ['Yes', 'then', 'else'] }, 'then'],
    [
      'an unchosen branch is not looked at',
      { 'Fn::If': ['No', { Ref: 'Nobody' }, 'else'] },
      'else',
    ],
  ])('%s', (_name, value, expected) => {
    const sections = {
      Mappings: { Sizes: { 'us-east-1': { big: 7 } } },
      Conditions: {
        Yes: { 'Fn::Or': [{ Condition: 'No' }, { 'Fn::Not': [{ Condition: 'No' }] }] },
        No: { 'Fn::And': [{ 'Fn::Equals': ['a', 'a'] }, { 'Fn::Equals': ['a', 'b'] }] },
      },
    }

    expect(resolveProperty(value, sections)).toEqual(expected)
  })

  it('leaves out members and items without a value', () => {
    const value = { kept: 1, gone: { Ref: 'AWS::NoValue' }, list: [{ Ref: 'AWS::NoValue' }, 2] }

    expect(resolveProperty(value)).toEqual({ kept: 1, list: [2] })
  })

  it.each([
    [{ 'Fn::Cidr': ['10.0.0.0/16', 2] }, 'unknown intrinsic Fn::Cidr'],
    [{ Ref: 'AWS::Moon' }, 'unknown pseudo parameter AWS::Moon'],
    [{ Ref: 'Other', More: 1 }, 'Ref stands beside other members'],
    [{ 'Fn::If': ['Unknown', 1, 2] }, 'unknown condition Unknown'],
    [{ 'Fn::FindInMap': ['Sizes', 'a', 'b'] }, 'finds no [Sizes, a, b]'],
    [{ 'Fn::Select': ['5', ['a']] }, 'Fn::Select finds no item 5'],
  ])('refuses %j and says where', (value, message) => {
    expect(() => resolveProperty(value)).toThrow(message)
    expect(() => resolveProperty(value)).toThrow('stack Service, Subject')
  })
})
