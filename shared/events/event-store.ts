/** Reads `event#{id}` through its owner's list `events#{userId}`; `platform/events.ts` writes them. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { EventEntry, EventsQuery } from '../contract/events.ts'
import { encodeCursor, INDEX, startKey, type Table } from '../platform/table.ts'

/** Entries that a page about one subject looks at; it may be short, and its cursor goes on. */
const FILTERED_READS = 200

type StoredEvent = Omit<EventEntry, 'before' | 'after' | 'reason'> &
  Partial<Pick<EventEntry, 'before' | 'after' | 'reason'>>

export type EventStore = ReturnType<typeof eventStore>

export function eventStore(table: Table) {
  return {
    /** The owner's entries, newest first, all of them or those about one subject. */
    async list(
      userId: string,
      { limit, cursor, subjectId }: EventsQuery,
    ): Promise<{ events: EventEntry[]; cursor: string | undefined }> {
      const value = `events#${userId}`
      const start = startKey(cursor, { attribute: 'ownerPk', value }, 'ownerSk', 'event')
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ...(subjectId === undefined ? {} : { FilterExpression: 'subjectId = :subject' }),
          ExpressionAttributeValues: {
            ':owner': value,
            ...(subjectId === undefined ? {} : { ':subject': subjectId }),
          },
          ScanIndexForward: false,
          Limit: subjectId === undefined ? limit : FILTERED_READS,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      const found = reply.Items ?? []
      const shown = found.slice(0, limit)
      const last = shown.length < found.length ? shown.at(-1) : reply.LastEvaluatedKey
      return {
        events: shown.map((item) => entryOf(item as StoredEvent)),
        cursor: encodeCursor(last, 'ownerSk'),
      }
    },
  }
}

function entryOf(event: StoredEvent): EventEntry {
  const { id, type, at, actor, subjectId } = event
  const { before = null, after = null, reason = null } = event
  return { id, type, at, actor, subjectId, before, after, reason }
}
