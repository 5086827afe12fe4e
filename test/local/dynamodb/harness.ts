import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb'
import { LocalClock } from '../../../infra/local/clock.ts'
import {
  createDynamoDbEngine,
  type DynamoDbEngineOptions,
} from '../../../infra/local/dynamodb/dynamodb-engine.ts'
import type { TableProperties } from '../../../infra/local/dynamodb/table-properties.ts'
import type { Principal } from '../../../infra/local/gateway/principals.ts'
import { clientConfig, makePrincipal, startGateway } from '../gateway/harness.ts'
import { signedCall } from './signed-call.ts'

export const TABLE = 'portage-test'
export const TABLE_ARN = `arn:aws:dynamodb:us-east-1:111122223333:table/${TABLE}`

/** The shape of the product's table, as a template spells it. */
export function tableProperties(over: Partial<TableProperties> = {}): TableProperties {
  const index = (name: string, projection: string) => ({
    IndexName: name,
    KeySchema: [
      { AttributeName: `${name}Pk`, KeyType: 'HASH' as const },
      { AttributeName: `${name}Sk`, KeyType: 'RANGE' as const },
    ],
    Projection: { ProjectionType: projection },
  })
  return {
    TableName: TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk', 'ownerPk', 'ownerSk', 'duePk', 'dueSk'].map((it) => ({
      AttributeName: it,
      AttributeType: 'S',
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [index('owner', 'ALL'), index('due', 'KEYS_ONLY')],
    StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    SSESpecification: { SSEEnabled: false },
    Replicas: [{ Region: 'us-east-1' }],
    ...over,
  }
}

export class RecordingWarden {
  readonly watched = new Set<number>()
  watch(pid: number): void {
    this.watched.add(pid)
  }
  release(pid: number): void {
    this.watched.delete(pid)
  }
}

/** A database in memory behind a gateway; `as` makes a client of a principal. */
export async function startDatabase(over: Partial<DynamoDbEngineOptions> = {}) {
  const clock = new LocalClock()
  const warden = new RecordingWarden()
  const engine = await createDynamoDbEngine({ clock, warden, ...over })
  const operator = makePrincipal({
    accessKeyId: 'AKIDOPERATOR',
    arn: 'arn:aws:iam::111122223333:user/operator',
  })
  const local = await startGateway({ dynamodb: engine }, [operator], { clock })
  const clients: DynamoDBClient[] = []

  // The second attempt follows a clock that a test has moved, as the SDK does by itself.
  function clientOf(principal: Principal, maxAttempts = 2): DynamoDBClient {
    local.store.register(principal)
    const client = new DynamoDBClient({
      ...clientConfig(local.endpoint, principal),
      maxAttempts,
    })
    clients.push(client)
    return client
  }

  /** Sends exactly this text to a target, signed by the real client. */
  async function send(principal: Principal, target: string, body: string) {
    const reply = await signedCall(clientOf(principal), target, body)
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
  }

  return {
    engine,
    clock,
    warden,
    send,
    as: (principal: Principal) => DynamoDBDocument.from(clientOf(principal)),
    client: clientOf(operator),
    operator: DynamoDBDocument.from(clientOf(operator)),
    /** The operator's client that tries once: whoever calls sees every failure. */
    once: DynamoDBDocument.from(clientOf(operator, 1)),
    async close() {
      for (const client of clients) client.destroy()
      await local.gateway.close()
      await engine.close()
    },
  }
}
