/**
 * `session#{hash}`: a signed-in browser. Seven days idle, thirty days absolute; the idle time is
 * renewed at most once an hour, because a write for every request would buy nothing.
 */
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, DAY_MS, HOUR_MS } from '../platform/clock.ts'
import { ifItHolds, type Table } from '../platform/table.ts'

export interface Session {
  userId: string
  /** Milliseconds since the epoch. */
  createdAtMs: number
  lastSeenMs: number
}

export type SessionStore = ReturnType<typeof sessionStore>

const IDLE_MS = 7 * DAY_MS
export const SESSION_ABSOLUTE_MS = 30 * DAY_MS

const sessionIsNew = 'attribute_not_exists(pk)'
const sessionExists = 'attribute_exists(pk)'

/** Whether a session still counts; both limits end it at their very millisecond. */
export function sessionIsLive(session: Session, nowMs: number): boolean {
  return nowMs < session.lastSeenMs + IDLE_MS && nowMs < session.createdAtMs + SESSION_ABSOLUTE_MS
}

function expiresAtSeconds(session: Session): number {
  const endMs = Math.min(session.lastSeenMs + IDLE_MS, session.createdAtMs + SESSION_ABSOLUTE_MS)
  return Math.ceil(endMs / 1000)
}

export function sessionStore(table: Table, clock: Clock) {
  const key = (hash: string) => ({ pk: `session#${hash}`, sk: 'session' })

  return {
    async create(hash: string, userId: string): Promise<void> {
      const session = { userId, createdAtMs: clock.now(), lastSeenMs: clock.now() }
      await table.client.send(
        new PutCommand({
          TableName: table.name,
          Item: { ...key(hash), ...session, expiresAt: expiresAtSeconds(session) },
          ConditionExpression: sessionIsNew,
        }),
      )
    },

    async find(hash: string): Promise<Session | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(hash), ConsistentRead: true }),
      )
      const session = reply.Item as Session | undefined
      return session && sessionIsLive(session, clock.now()) ? session : undefined
    },

    /** Renews the idle time; a session that was ended meanwhile stays ended. */
    async touch(hash: string, session: Session): Promise<void> {
      if (clock.now() - session.lastSeenMs < HOUR_MS) return
      const renewed = { ...session, lastSeenMs: clock.now() }
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(hash),
            UpdateExpression: 'SET lastSeenMs = :now, expiresAt = :expires',
            ConditionExpression: sessionExists,
            ExpressionAttributeValues: {
              ':now': renewed.lastSeenMs,
              ':expires': expiresAtSeconds(renewed),
            },
          }),
        ),
      )
    },

    /** Needs no condition: ending a session twice is ending it. */
    async end(hash: string): Promise<void> {
      await table.client.send(new DeleteCommand({ TableName: table.name, Key: key(hash) }))
    },
  }
}
