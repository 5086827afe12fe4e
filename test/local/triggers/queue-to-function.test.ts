import { expect, test } from 'vitest'
import { createSqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { createEventBus } from '../../../infra/local/triggers/event-bus.ts'
import { startQueueMapping } from '../../../infra/local/triggers/queue-mapping.ts'
import { until } from '../../support/until.ts'
import { startTestHost } from '../lambda/test-host.ts'

test('an event reaches a function through rule, queue and mapping; what fails comes back', async () => {
  const { host, clock, dataDir, given, logOf } = startTestHost()
  given(
    'take-in',
    `exports.handler = async ({ Records }) => {
      for (const { body, attributes } of Records) console.log(JSON.parse(body).detail.key, attributes.ApproximateReceiveCount)
      const failed = Records.filter(({ body, attributes }) => body.includes('bad') && attributes.ApproximateReceiveCount === '1')
      return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
    }`,
  )
  const sqs = createSqsEngine({ dataDir, clock, baseUrl: () => 'http://127.0.0.1:1' })
  const { arn } = sqs.createQueue({ name: 'intake', VisibilityTimeout: 330 })
  const bus = createEventBus({
    sqs,
    lambda: host,
    clock,
    rules: [{ Name: 'created', EventPattern: { source: ['aws.s3'] }, Targets: [{ Arn: arn }] }],
  })
  const mapping = startQueueMapping({
    sqs,
    lambda: host,
    clock,
    mapping: {
      EventSourceArn: arn,
      FunctionName: 'take-in',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    },
    functionTimeoutSeconds: 5,
  })
  const event = {
    version: '0' as const,
    id: 'e1',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: '111122223333',
    time: '2026-11-22T14:00:00Z',
    region: 'us-east-1',
    resources: [],
  }

  await bus.put({ ...event, detail: { key: 'good' } })
  await bus.put({ ...event, detail: { key: 'bad' } })
  await until(() => sqs.stats()[0]?.available === 0 && sqs.stats()[0]?.inFlight === 1)
  clock.advance(331)
  sqs.clockMoved()
  await until(() => sqs.stats()[0]?.available === 0 && sqs.stats()[0]?.inFlight === 0)

  expect(logOf('take-in').match(/(good|bad) \d/g)).toEqual(['good 1', 'bad 1', 'bad 2'])
  bus.close()
  await mapping.close()
  await sqs.close()
})
