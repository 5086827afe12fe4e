/** The due index: what has to be looked at next, by time, spread over partitions. Its entries are hints. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { isoTime } from '../platform/clock.ts'
import { DUE_PARTITIONS, type DueKind, INDEX, type Table } from '../platform/table.ts'

export interface DueEntry {
  /** Of the upload or the account that is due. */
  id: string
  kind: DueKind
  dueSk: string
}

export const DUE_KINDS: DueKind[] = ['upload', 'small-delivery', 'large-delivery', 'account']

/** Entries of one partition that one run takes up; what is left comes a minute later. */
const PER_PARTITION = 200

/** What was due before this moment, and nothing else. */
export function readDue(table: Table, nowMs: number): Promise<DueEntry[]> {
  return readDueBetween(table, 0, nowMs)
}

/** What is due from one moment until before another, as far as one look goes. */
export async function readDueBetween(
  table: Table,
  fromMs: number,
  beforeMs: number,
): Promise<DueEntry[]> {
  const partitions = Array.from({ length: DUE_PARTITIONS }, (_, partition) => partition)
  const due = await Promise.all(
    partitions.map(async (partition) => {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.due,
          // A bare time sorts before every entry of that time, so the upper end is left out.
          KeyConditionExpression: 'duePk = :partition AND dueSk BETWEEN :from AND :before',
          ExpressionAttributeValues: {
            ':partition': `due#${partition}`,
            ':from': isoTime(fromMs),
            ':before': isoTime(beforeMs),
          },
          Limit: PER_PARTITION,
        }),
      )
      return (reply.Items ?? []).flatMap((item) => dueEntry(String(item['dueSk'])) ?? [])
    }),
  )
  return due.flat()
}

function dueEntry(dueSk: string): DueEntry | undefined {
  const [, kind, id] = dueSk.split('#')
  const known = DUE_KINDS.find((each) => each === kind)
  return known && id ? { id, kind: known, dueSk } : undefined
}
