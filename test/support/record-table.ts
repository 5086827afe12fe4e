/** The one table in a real dynoxide, in memory; records of tests that share it differ by their ids. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { LocalClock } from '../../infra/local/clock.ts'
import { createDynamoDbEngine } from '../../infra/local/dynamodb/dynamodb-engine.ts'
import { LOCAL_REGION } from '../../infra/local/engine.ts'
import { createGateway } from '../../infra/local/gateway/gateway.ts'
import { PrincipalStore } from '../../infra/local/gateway/principals.ts'
import { startWarden } from '../../infra/local/lambda/warden.ts'
import type { Table } from '../../shared/platform/table.ts'

export interface RecordTable {
  table: Table
  close(): Promise<void>
}

const NAME = 'portage-test'
const INDEXES: [name: string, keys: string, projection: string][] = [
  ['byOwner', 'owner', 'ALL'],
  ['byPortal', 'portal', 'ALL'],
  ['byAccount', 'account', 'ALL'],
  ['byClient', 'client', 'ALL'],
  ['byDue', 'due', 'KEYS_ONLY'],
]
const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'test-secret' }

export async function startRecordTable(): Promise<RecordTable> {
  const clock = new LocalClock()
  const warden = startWarden()
  const engine = await createDynamoDbEngine({ clock, warden })
  await engine.createTable({
    TableName: NAME,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['', ...INDEXES.map(([, keys]) => keys)].flatMap((keys) =>
      (keys === '' ? ['pk', 'sk'] : [`${keys}Pk`, `${keys}Sk`]).map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
    ),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: INDEXES.map(([IndexName, keys, ProjectionType]) => ({
      IndexName,
      KeySchema: [
        { AttributeName: `${keys}Pk`, KeyType: 'HASH' as const },
        { AttributeName: `${keys}Sk`, KeyType: 'RANGE' as const },
      ],
      Projection: { ProjectionType },
    })),
  })
  const principals = new PrincipalStore()
  principals.register({
    ...CREDENTIALS,
    arn: 'arn:aws:iam::111122223333:user/test',
    policies: 'unrestricted',
  })
  const gateway = createGateway({ engines: { dynamodb: engine }, principals, clock })
  const { port } = await gateway.listen(0)
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: LOCAL_REGION,
    credentials: CREDENTIALS,
  })
  return {
    table: {
      name: NAME,
      client: DynamoDBDocumentClient.from(client, {
        marshallOptions: { removeUndefinedValues: true },
      }),
    },
    async close() {
      client.destroy()
      await gateway.close()
      await engine.close()
      await warden.close()
    },
  }
}
