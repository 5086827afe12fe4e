import { expect, test } from 'vitest'
import type { RuleTarget } from '../../../infra/local/triggers/rule.ts'
import { targetInput } from '../../../infra/local/triggers/target-input.ts'

const EVENT = {
  id: 'e1',
  source: 'aws.s3',
  detail: { object: { key: 'a "b".txt', size: 5 }, tags: [{ name: 'x' }] },
}
const SOURCE = {
  sourceArn: 'arn:aws:events:us-east-1:111122223333:rule/created',
  name: 'created',
  nowMs: Date.UTC(2026, 10, 22, 14),
}
const of = (target: Partial<RuleTarget>) => targetInput({ Arn: 'x', ...target }, EVENT, SOURCE)

// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
test.each<[string, Partial<RuleTarget>, unknown]>([
  ['nothing', {}, EVENT],
  ['Input', { Input: '{"a":1}' }, { a: 1 }],
  ['a path', { InputPath: '$.detail.object' }, EVENT.detail.object],
  ['a path into a list', { InputPath: "$.detail.tags[0]['name']" }, 'x'],
  [
    'a template of members',
    {
      InputTransformer: {
        InputPathsMap: { key: '$.detail.object.key', size: '$.detail.object.size' },
        InputTemplate: '{"key": <key>, "text": "<key> has <size> bytes", "size": <size>}',
      },
    },
    { key: 'a "b".txt', text: 'a "b".txt has 5 bytes', size: 5 },
  ],
  [
    'a template of text',
    { InputTransformer: { InputPathsMap: { id: '$.id' }, InputTemplate: '"event <id>"' } },
    'event e1',
  ],
  [
    'predefined variables',
    {
      InputTransformer: {
        InputTemplate:
          '{"rule":<aws.events.rule-name>,"arn":<aws.events.rule-arn>,"at":<aws.events.event.ingestion-time>,"all":<aws.events.event.json>,"head":<aws.events.event>}',
      },
    },
    {
      rule: 'created',
      arn: SOURCE.sourceArn,
      at: '2026-11-22T14:00:00.000Z',
      all: EVENT,
      head: { id: 'e1', source: 'aws.s3' },
    },
  ],
  [
    'a variable that the event lacks',
    { InputTransformer: { InputPathsMap: { no: '$.detail.no' }, InputTemplate: '"<no>!"' } },
    '!',
  ],
])('%s makes the input', (_what, target, expected) => {
  expect(of(target)).toEqual(expected)
})

test('an output that is no JSON cannot be delivered', () => {
  expect(() =>
    of({ InputTransformer: { InputPathsMap: { no: '$.no' }, InputTemplate: '{"a": <no>}' } }),
  ).toThrow('The input is no JSON')
})
