import { describe, expect, test } from 'vitest'
import { compileFilters } from '../../../infra/local/triggers/filter-criteria.ts'

const filters = (...patterns: object[]) => ({
  Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })),
})

// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
describe('the body of a message', () => {
  const plain = filters({ body: ['go'] })
  const json = filters({ body: { size: [{ numeric: ['>', 5] }] } })
  const other = filters({ attributes: { MessageGroupId: ['usr_1'] } })

  test.each([
    ['plain', 'by text', plain, 'go', true],
    ['plain', 'by text', plain, 'stop', false],
    ['plain', 'by members', json, 'go', false],
    ['plain', 'by something else', other, 'go', true],
    ['JSON', 'by text', plain, '{"go":1}', false],
    ['JSON', 'by members', json, '{"size":6}', true],
    ['JSON', 'by members', json, '{"size":5}', false],
    ['JSON', 'by something else', other, '{"size":5}', true],
  ])('%s, filtered %s', (_kind, _how, criteria, body, passes) => {
    const record = { body, attributes: { MessageGroupId: 'usr_1' } }
    expect(compileFilters(criteria)(record)).toBe(passes)
  })
})

// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
test('records of a stream are told apart by kind and key', () => {
  const passes = compileFilters(
    filters({
      eventName: ['INSERT'],
      dynamodb: { Keys: { pk: { S: [{ prefix: 'event#' }] } } },
    }),
  )
  const record = (eventName: string, pk: string) => ({
    eventName,
    dynamodb: { Keys: { pk: { S: pk }, sk: { S: '1' } } },
  })

  expect(passes(record('INSERT', 'event#evt_1'))).toBe(true)
  expect(passes(record('MODIFY', 'event#evt_1'))).toBe(false)
  expect(passes(record('INSERT', 'upload#upl_1'))).toBe(false)
})

test('one of several filters is enough, none lets everything through', () => {
  const passes = compileFilters(filters({ eventName: ['INSERT'] }, { eventName: ['REMOVE'] }))

  expect(['INSERT', 'MODIFY', 'REMOVE'].map((eventName) => passes({ eventName }))).toEqual([
    true,
    false,
    true,
  ])
  expect(compileFilters({})({ eventName: 'MODIFY' })).toBe(true)
})

test.each([
  ['more than five', filters({}, {}, {}, {}, {}, {})],
  ['a pattern that is no JSON', { Filters: [{ Pattern: 'x' }] }],
  ['a list', { Filters: [{ Pattern: '[]' }] }],
  ['an unknown operator', filters({ body: { a: [{ like: 'x' }] } })],
  ['too long a pattern', filters({ body: ['x'.repeat(4096)] })],
])('%s is refused', (_what, criteria) => {
  expect(() => compileFilters(criteria)).toThrow(/Invalid filter criteria|operator/)
})
