/** The table as its operator reads it, past the app; the meters leave the operator's calls out. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import type { LocalCloud } from '../../infra/local/local-cloud.ts'
import { ENV } from '../../shared/platform/env-names.ts'

const POLL_MS = 50
/** Longer than any measured delivery takes. */
const LATE_MS = 600_000
const ON_ITS_WAY = ['pending', 'staged', 'scanning', 'delivering', 'held']

export interface Records {
  client: DynamoDBClient
  tableName: string
  /** Resolves when all of these are bound to an account. */
  delivered(uploadIds: string[]): Promise<void>
  close(): void
}

export function recordsOf({ urls, operator, provisioned }: LocalCloud): Records {
  const { region, ...credentials } = operator
  const client = new DynamoDBClient({ endpoint: urls.aws, region, credentials })
  const tableName = provisioned.functions
    .map(({ environment }) => environment[ENV.table])
    .find((name) => name !== undefined)
  if (tableName === undefined) throw new Error('no function knows the table')
  const statusOf = async (uploadId: string): Promise<string> => {
    const Key = { pk: { S: `upload#${uploadId}` }, sk: { S: 'upload' } }
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }))
    return Item?.['status']?.S ?? 'unknown'
  }
  return {
    client,
    tableName,
    async delivered(uploadIds) {
      const startedAt = performance.now()
      for (const uploadId of uploadIds) {
        for (;;) {
          const status = await statusOf(uploadId)
          if (status === 'uploaded') break
          if (!ON_ITS_WAY.includes(status) || performance.now() - startedAt > LATE_MS) {
            throw new Error(`${uploadId} is ${status}, not uploaded`)
          }
          await sleep(POLL_MS)
        }
      }
    },
    close: () => client.destroy(),
  }
}
