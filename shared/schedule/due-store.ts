/** The due index: what has to be looked at next, by time, spread over partitions. Its entries are hints. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { isoTime } from '../platform/clock.ts'
import { DUE_PARTITIONS, type DueKind, INDEX, type Item, type Table } from '../platform/table.ts'

export interface DueEntry {
  /** Of the upload or the account that is due. */
  id: string
  kind: DueKind
  dueSk: string
}

export const DUE_KINDS: DueKind[] = ['upload', 'small-delivery', 'large-delivery', 'account']

/** Entries of each kind in one partition that one run takes up; what is left comes a minute later. */
const PER_KIND = 200
/** Entries of one partition that one look sees. */
const PER_LOOK = 200
/** A page of the index is a megabyte, some ten thousand entries: behind more of one kind the others wait. */
const MOST_PAGES = 10

/**
 * What was due before this moment, the oldest of each kind, and nothing else: a flood of one kind
 * keeps no other waiting.
 */
export async function readDue(table: Table, nowMs: number): Promise<DueEntry[]> {
  const due = await Promise.all(
    partitions().map(async (partition) => {
      const taken = new Map(DUE_KINDS.map((kind) => [kind, [] as DueEntry[]]))
      const isFull = () => [...taken.values()].every((entries) => entries.length === PER_KIND)
      let start: Item | undefined
      for (let page = 0; page < MOST_PAGES && !isFull(); page += 1) {
        const { entries, next } = await readPage(table, partition, [0, nowMs], { start })
        for (const entry of entries) {
          const ofKind = taken.get(entry.kind)
          if (ofKind && ofKind.length < PER_KIND) ofKind.push(entry)
        }
        start = next
        if (!start) break
      }
      return [...taken.values()].flat()
    }),
  )
  return due.flat()
}

/** What is due from one moment until before another, as far as one look goes. */
export async function readDueBetween(
  table: Table,
  fromMs: number,
  beforeMs: number,
): Promise<DueEntry[]> {
  const due = await Promise.all(
    partitions().map((partition) =>
      readPage(table, partition, [fromMs, beforeMs], { limit: PER_LOOK }),
    ),
  )
  return due.flatMap(({ entries }) => entries)
}

function partitions(): number[] {
  return Array.from({ length: DUE_PARTITIONS }, (_, partition) => partition)
}

async function readPage(
  table: Table,
  partition: number,
  [fromMs, beforeMs]: [number, number],
  { start, limit }: { start?: Item | undefined; limit?: number },
): Promise<{ entries: DueEntry[]; next: Item | undefined }> {
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
      ...(limit === undefined ? {} : { Limit: limit }),
      ...(start ? { ExclusiveStartKey: start } : {}),
    }),
  )
  return {
    entries: (reply.Items ?? []).flatMap((item) => dueEntry(String(item['dueSk'])) ?? []),
    next: reply.LastEvaluatedKey,
  }
}

function dueEntry(dueSk: string): DueEntry | undefined {
  const [, kind, id] = dueSk.split('#')
  const known = DUE_KINDS.find((each) => each === kind)
  return known && id ? { id, kind: known, dueSk } : undefined
}
