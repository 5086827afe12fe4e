/** `signing#{uploadId}` / `block#{n}`: how often each of fifty parts was signed (security rule 7). */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { ifItHolds, type Table } from '../platform/table.ts'

export type SigningStore = ReturnType<typeof signingStore>

/** The intent's own signing of the first parts is the first of twenty, so nineteen are counted here. */
const COUNTED_SIGNINGS = 19
/** DynamoDB takes 300 operators in one expression; a part needs four (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html). */
const PARTS_PER_BLOCK = 50

export function signingStore(table: Table) {
  /** Counts one signing of each part; false, and nothing counted in that block, when one is used up. */
  async function countBlock(
    uploadId: string,
    block: number,
    partNumbers: number[],
  ): Promise<boolean> {
    const counters = partNumbers.map((part) => `part${part}`)
    const noneIsUsedUp = counters
      .map((counter) => `(attribute_not_exists(${counter}) OR ${counter} < :most)`)
      .join(' AND ')
    const counted = await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: { pk: `signing#${uploadId}`, sk: `block#${block}` },
          UpdateExpression: `ADD ${counters.map((counter) => `${counter} :one`).join(', ')}`,
          ConditionExpression: noneIsUsedUp,
          ExpressionAttributeValues: { ':one': 1, ':most': COUNTED_SIGNINGS },
        }),
      ),
    )
    return counted !== undefined
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
