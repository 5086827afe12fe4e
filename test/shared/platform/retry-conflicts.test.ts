import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { retryConflicts } from '../../../shared/platform/table.ts'

/** Answers that the table still has to give; then every write succeeds. */
let refusals: string[]
let calls: number
let server: Server
let client: DynamoDBDocumentClient

beforeEach(async () => {
  refusals = []
  calls = 0
  server = createServer((request, response) => {
    request.resume()
    calls += 1
    const type = refusals.shift()
    response.writeHead(type === undefined ? 200 : 400, {
      'content-type': 'application/x-amz-json-1.0',
    })
    response.end(JSON.stringify(type === undefined ? {} : { __type: type, message: 'no' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const plain = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  client = retryConflicts(DynamoDBDocumentClient.from(plain), () => 0)
})
afterEach(async () => {
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const CONFLICT = 'com.amazonaws.dynamodb.v20120810#TransactionConflictException'
const REFUSED = 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException'
const put = () => client.send(new PutCommand({ TableName: 'records', Item: { pk: 'a', sk: 'b' } }))

describe('a single write', () => {
  test('that meets a transaction under way is repeated', async () => {
    refusals = [CONFLICT, CONFLICT]

    await put()

    expect(calls).toBe(3)
  })

  test('that meets one again and again ends as busy', async () => {
    refusals = Array.from({ length: 20 }, () => CONFLICT)

    await expect(put()).rejects.toMatchObject({ code: 'BUSY' })
    expect(calls).toBe(8)
  })

  test('whose condition does not hold is not repeated', async () => {
    refusals = [REFUSED]

    await expect(put()).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' })
    expect(calls).toBe(1)
  })
})
