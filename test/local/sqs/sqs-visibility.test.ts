import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from './aws-endpoint.ts'
import { bodies, type SqsFixture, startSqs } from './sqs-fixture.ts'

let sqs: SqsFixture
beforeAll(async () => {
  sqs = await startSqs()
})
afterAll(() => sqs.close())

const inside = insideEngine('SQS')
const change = (QueueUrl: string, ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
  sqs.client.send(
    new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }),
  )
const remove = (QueueUrl: string, ReceiptHandle: string | undefined) =>
  sqs.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
const held = (url: string) => sqs.attribute(url, 'ApproximateNumberOfMessagesNotVisible')

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html */
describe('visibility', () => {
  it('of 0 gives a message back at once, with another receipt and one receive more', async () => {
    const { url } = await sqs.makeQueue()
    await sqs.send(url, 'x')
    const [first] = await sqs.receiveAll(url, 1)

    await change(url, first?.ReceiptHandle, 0)
    const [second] = await sqs.receiveAll(url, 1)

    expect(second?.MessageId).toBe(first?.MessageId)
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle)
    expect(second?.Attributes?.ApproximateReceiveCount).toBe('2')
  })

  it('of 0 in a batch gives several messages back', async () => {
    const { url } = await sqs.makeQueue()
    for (const body of ['1', '2', '3']) await sqs.send(url, body)
    const messages = await sqs.receiveAll(url, 3)

    const { Successful } = await sqs.client.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: url,
        Entries: messages.map(({ ReceiptHandle }, index) => ({
          Id: `m${index}`,
          ReceiptHandle,
          VisibilityTimeout: 0,
        })),
      }),
    )

    expect(Successful).toHaveLength(3)
    expect(bodies(await sqs.receiveAll(url, 3)).sort()).toEqual(['1', '2', '3'])
  })

  it('of one receive overrides the queue’s', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    await sqs.send(url, 'x')

    await sqs.receiveAll(url, 1, { visibilitySeconds: 600 })

    expect(await sqs.receive(url)).toEqual([])
  })

  it('is changed by the latest handle of this queue only, and to 12 hours at most', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    await sqs.send(url, 'x')
    const [first] = await sqs.receiveAll(url, 1)
    const [second] = await sqs.receiveAll(url, 1, { visibilitySeconds: 600 })

    await expect(change(url, first?.ReceiptHandle, 10)).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
    await expect(change(url, 'garbage', 10)).rejects.toEqual(refused('ReceiptHandleIsInvalid'))
    await expect(change(url, second?.ReceiptHandle, 43_201)).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
  })

  inside.it('hides a received message until its timeout ends', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '30' })
    await sqs.send(url, 'x')

    await sqs.receive(url)
    sqs.advance(29)
    expect(await sqs.receive(url)).toEqual([])
    sqs.advance(1)

    expect(await sqs.receive(url)).toHaveLength(1)
  })

  inside.it('is counted from the moment of the change', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '30' })
    await sqs.send(url, 'x')
    const [message] = await sqs.receive(url)

    sqs.advance(20)
    await change(url, message?.ReceiptHandle, 100)
    sqs.advance(99)
    expect(await sqs.receive(url)).toEqual([])
    sqs.advance(1)

    await expect(change(url, message?.ReceiptHandle, 10)).rejects.toEqual(
      refused('MessageNotInflight'),
    )
    expect(await sqs.receive(url)).toHaveLength(1)
  })

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
  inside.it('lasts at most 12 hours from the receive', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '7200' })
    await sqs.send(url, 'x')
    const [message] = await sqs.receive(url)
    sqs.advance(3600)

    await expect(change(url, message?.ReceiptHandle, 43_200 - 3599)).rejects.toEqual(
      refused('InvalidParameterValue'),
    )
    await expect(change(url, message?.ReceiptHandle, 43_200 - 3600)).resolves.toBeDefined()
  })
})

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html */
describe('DeleteMessage', () => {
  it('succeeds without deleting when the handle is not the latest one', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    await sqs.send(url, 'x')
    const [first] = await sqs.receiveAll(url, 1)
    const [second] = await sqs.receiveAll(url, 1)

    await remove(url, first?.ReceiptHandle)
    const [third] = await sqs.receiveAll(url, 1)
    expect(third?.MessageId).toBe(second?.MessageId)

    await remove(url, third?.ReceiptHandle)
    expect(await sqs.receive(url)).toEqual([])
    await expect(remove(url, third?.ReceiptHandle)).resolves.toBeDefined()
  })

  it('deletes with the latest handle also when its timeout is over', async () => {
    const { url } = await sqs.makeQueue({ VisibilityTimeout: '0' })
    await sqs.send(url, 'x')
    const [message] = await sqs.receiveAll(url, 1)

    await remove(url, message?.ReceiptHandle)

    expect(await sqs.receive(url)).toEqual([])
    expect(await held(url)).toBe('0')
  })

  it('refuses a handle that this queue never gave', async () => {
    const { url } = await sqs.makeQueue()
    const other = await sqs.makeQueue()
    await sqs.send(url, 'x')
    const [message] = await sqs.receiveAll(url, 1)

    for (const handle of ['garbage', 'AQEB'.repeat(30)]) {
      await expect(remove(url, handle)).rejects.toEqual(refused('ReceiptHandleIsInvalid'))
    }
    await expect(remove(other.url, message?.ReceiptHandle)).rejects.toEqual(
      refused('ReceiptHandleIsInvalid'),
    )
  })
})
