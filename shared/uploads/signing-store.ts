/** `signing#{uploadId}` / `block#{n}`: how often each of a hundred parts was signed (security rule 7). */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { PortageError } from '../errors.ts'
import { refusedItem, type Table } from '../platform/table.ts'

export type SigningStore = ReturnType<typeof signingStore>

/** The intent's own signing of the first parts is the first of twenty, so nineteen are counted here. */
export const COUNTED_SIGNINGS = 19
const PARTS_PER_BLOCK = 100
const RACE_ATTEMPTS = 10

const unchangedSinceRead = 'version = :seen'
const blockIsNew = 'attribute_not_exists(pk)'

export function signingStore(table: Table) {
  /** Counts one signing of each part; false, and nothing counted in that block, when one is used up. */
  async function countBlock(
    uploadId: string,
    block: number,
    partNumbers: number[],
  ): Promise<boolean> {
    const key = { pk: `signing#${uploadId}`, sk: `block#${block}` }
    for (let attempt = 1; ; attempt += 1) {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key, ConsistentRead: true }),
      )
      const version = Number(reply.Item?.['version'] ?? 0)
      const counts = (reply.Item?.['counts'] ?? {}) as Record<string, number>
      const next = { ...counts }
      for (const part of partNumbers) next[part] = (next[part] ?? 0) + 1
      if (partNumbers.some((part) => (next[part] ?? 0) > COUNTED_SIGNINGS)) return false
      try {
        await table.client.send(
          new PutCommand({
            TableName: table.name,
            Item: { ...key, version: version + 1, counts: next },
            ConditionExpression: version === 0 ? blockIsNew : unchangedSinceRead,
            ...(version === 0 ? {} : { ExpressionAttributeValues: { ':seen': version } }),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        )
        return true
      } catch (error) {
        // Another signing of this block came between the read and the write: count again.
        if (refusedItem(error) === undefined) throw error
        if (attempt === RACE_ATTEMPTS) {
          throw new PortageError('BUSY', 'Too many parts are being signed at once.', {
            facts: { retryAfterSeconds: 1 },
            cause: error,
          })
        }
      }
    }
  }

  return {
    async count(uploadId: string, partNumbers: number[]): Promise<boolean> {
      const blocks = Map.groupBy(new Set(partNumbers), (part) =>
        Math.floor((part - 1) / PARTS_PER_BLOCK),
      )
      const counted = await Promise.all(
        [...blocks].map(([block, parts]) => countBlock(uploadId, block, parts)),
      )
      return counted.every(Boolean)
    },
  }
}
