/**
 * The table of the contract suite, made by calls of the official client: on our engine behind the
 * gateway or at the endpoint that `PORTAGE_CONTRACT_ENDPOINT_DYNAMODB` names.
 */
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb'
import { contractTarget, freshName } from '../../support/contract-target.ts'
import { startDatabase } from './harness.ts'
import { signedCall } from './signed-call.ts'

const TABLE_SECONDS = 120

/** Two indexes, a stream and text keys, as the product's table has them. */
function tableInput(TableName: string) {
  const index = (name: string, projection: 'ALL' | 'KEYS_ONLY') => ({
    IndexName: name,
    KeySchema: [
      { AttributeName: `${name}Pk`, KeyType: 'HASH' as const },
      { AttributeName: `${name}Sk`, KeyType: 'RANGE' as const },
    ],
    Projection: { ProjectionType: projection },
  })
  return {
    TableName,
    BillingMode: 'PAY_PER_REQUEST' as const,
    AttributeDefinitions: ['pk', 'sk', 'ownerPk', 'ownerSk', 'duePk', 'dueSk'].map((it) => ({
      AttributeName: it,
      AttributeType: 'S' as const,
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' as const },
      { AttributeName: 'sk', KeyType: 'RANGE' as const },
    ],
    GlobalSecondaryIndexes: [index('owner', 'ALL'), index('due', 'KEYS_ONLY')],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' as const },
  }
}

export interface ContractTable {
  TableName: string
  db: DynamoDBDocument
  /** A key that no other test uses. */
  freshKey(): { pk: string; sk: string }
  /** Calls the streams API, for which the product needs no client of its own. */
  streams(operation: string, input: object): Promise<Record<string, unknown>>
  close(): Promise<void>
}

export async function startContractTable(): Promise<ContractTable> {
  const target = contractTarget('DYNAMODB')
  const inside = target ? undefined : await startDatabase()
  const client = target ? new DynamoDBClient(target) : inside?.client
  if (!client) throw new Error('there is no client')
  const TableName = freshName('portage-contract')
  await client.send(new CreateTableCommand(tableInput(TableName)))
  await waitUntilTableExists(
    { client, maxWaitTime: TABLE_SECONDS, minDelay: 1, maxDelay: 5 },
    { TableName },
  )
  let next = 0
  return {
    TableName,
    db: DynamoDBDocument.from(client),
    freshKey: () => ({ pk: `key#${++next}`, sk: 'a' }),
    async streams(operation, input) {
      const signed = await signedCall(
        target && !target.endpoint
          ? new DynamoDBClient({
              ...target,
              endpoint: `https://streams.dynamodb.${target.region}.amazonaws.com`,
            })
          : client,
        `DynamoDBStreams_20120810.${operation}`,
        JSON.stringify(input),
      )
      const reply = await signed.json()
      return reply as Record<string, unknown>
    },
    async close() {
      if (target) await client.send(new DeleteTableCommand({ TableName }))
      client.destroy()
      await inside?.close()
    },
  }
}
