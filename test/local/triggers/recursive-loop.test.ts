import { createRequire } from 'node:module'
import { expect, onTestFinished, test } from 'vitest'
import { createSqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { startQueueMapping } from '../../../infra/local/triggers/queue-mapping.ts'
import { until } from '../../support/until.ts'
import { clientConfig, makePrincipal, startGateway } from '../gateway/harness.ts'
import { startTestHost } from '../lambda/test-host.ts'

const SDK = createRequire(import.meta.url).resolve('@aws-sdk/client-sqs')
const VISIBILITY_SECONDS = 330

// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
test('a message that a function sends on to itself stops after 16 runs and becomes a dead letter', async () => {
  const { host, clock, dataDir, given } = startTestHost()
  const sqs = createSqsEngine({ dataDir, clock, baseUrl: () => '' })
  const principal = makePrincipal()
  const { gateway, endpoint } = await startGateway({ sqs }, [principal], { clock })
  const dead = sqs.createQueue({ name: 'dead' })
  const { arn } = sqs.createQueue({
    name: 'work',
    VisibilityTimeout: VISIBILITY_SECONDS,
    RedrivePolicy: { deadLetterTargetArn: dead.arn, maxReceiveCount: 2 },
  })
  const { credentials } = clientConfig(endpoint, principal)
  const source = `const { SQSClient, SendMessageCommand } = require(${JSON.stringify(SDK)})
    const client = new SQSClient({ endpoint: process.env.ENDPOINT, useQueueUrlAsEndpoint: false })
    exports.handler = async ({ Records: [{ body }] }) => {
      const left = Number(body) - 1
      if (left > 0) await client.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE, MessageBody: String(left) }))
    }`
  const properties = {
    memoryMb: 512,
    environment: { ENDPOINT: endpoint, QUEUE: `${endpoint}/111122223333/work` },
    credentials: { sessionToken: '', ...credentials },
  }
  given('loops', source, properties)
  const mapping = startQueueMapping({
    sqs,
    lambda: host,
    clock,
    mapping: { EventSourceArn: arn, FunctionName: 'loops' },
    functionTimeoutSeconds: 60,
  })
  onTestFinished(async () => {
    await mapping.close()
    await gateway.close()
    await sqs.close()
  })
  const statsOf = (name: string) => sqs.stats().find((queue) => queue.name === name)
  const loops = () => host.stats().functions['loops']

  sqs.send(arn, '100')
  // The 17th message may be refused before the run that sent it has ended.
  await until(() => loops()?.recursiveInvocationsDropped === 1 && loops()?.invocations === 16)
  await until(() => statsOf('work')?.available === 0 && statsOf('work')?.inFlight === 1)
  expect(loops()).toMatchObject({ invocations: 16, errors: 0 })

  // The queue's own redrive policy: refused twice, then moved.
  await until(() => {
    clock.advance(VISIBILITY_SECONDS + 1)
    sqs.clockMoved()
    return statsOf('dead')?.available === 1
  })
  expect(loops()).toMatchObject({ invocations: 16, recursiveInvocationsDropped: 2 })

  // Another chain is not concerned, and one that is allowed goes on.
  sqs.send(arn, '3')
  await until(() => loops()?.invocations === 19)
  given('loops', source, { ...properties, recursiveLoop: 'Allow' })
  sqs.send(arn, '20')
  await until(() => loops()?.invocations === 20)
  expect(loops()?.recursiveInvocationsDropped).toBe(0)
})
