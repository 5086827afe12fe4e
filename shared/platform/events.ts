/** `event#{id}`: an audit entry, written in the transaction of what it reports. Holds ids and codes only. */
import type { EventType } from '../contract/events.ts'
import type { Clock } from './clock.ts'
import { isoTime } from './clock.ts'
import { newId } from './ids.ts'
import { type Table, type TransactItem, timeKey } from './table.ts'

export interface EventFacts {
  userId: string
  /** Who did it: an owner's id, or the part of the system. */
  actor: string
  subjectId: string
  before?: string
  after?: string
  reason?: string
}

/** The write that records an event; stands in the transaction of the change. */
export function eventPut(
  table: Table,
  clock: Clock,
  type: EventType,
  facts: EventFacts,
): TransactItem {
  const id = newId('event', clock.now())
  return {
    Put: {
      TableName: table.name,
      Item: {
        pk: `event#${id}`,
        sk: 'event',
        id,
        type,
        at: isoTime(clock.now()),
        ...facts,
        ownerPk: `events#${facts.userId}`,
        ownerSk: timeKey(clock.now(), id),
      },
      ConditionExpression: 'attribute_not_exists(pk)',
    },
  }
}
