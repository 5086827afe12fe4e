/**
 * `rate#{purpose}#{hash of who}`: how often somebody has done something in the window that began with the
 * first time. Counted before the thing is done, so that what fails or is repeated in parallel counts
 * as well. No item is shared by strangers, so none is hot.
 */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, SECOND_MS } from '../platform/clock.ts'
import { hashToken } from '../platform/ids.ts'
import { ifItHolds, refusedItem, type Table } from '../platform/table.ts'

export type RateLimits = ReturnType<typeof rateLimits>

export interface RateRule {
  /** Names what is limited; part of the key. */
  purpose: string
  times: number
  perMs: number
}

/** `retryAfterMs` is 0 when it may be done now. */
export interface Taken {
  retryAfterMs: number
}

const windowRuns = 'windowEndsAtMs > :now'
const someAreLeft = 'times < :times'
const someAreTaken = 'times > :none'
const windowIsOver = 'attribute_not_exists(pk) OR windowEndsAtMs <= :now'

export function rateLimits(table: Table, clock: Clock) {
  // Who may be an address, which is about a person.
  const key = (rule: RateRule, who: string) => ({
    pk: `rate#${rule.purpose}#${hashToken(who)}`,
    sk: 'rate',
  })

  /** Begins a window with this time as its first; false when another has begun it meanwhile. */
  async function begin(rule: RateRule, who: string): Promise<boolean> {
    const endsAtMs = clock.now() + rule.perMs
    const begun = await ifItHolds(
      table.client.send(
        new PutCommand({
          TableName: table.name,
          Item: {
            ...key(rule, who),
            times: 1,
            windowEndsAtMs: endsAtMs,
            expiresAt: Math.ceil(endsAtMs / SECOND_MS),
          },
          ConditionExpression: windowIsOver,
          ExpressionAttributeValues: { ':now': clock.now() },
        }),
      ),
    )
    return begun !== undefined
  }

  return {
    /** Whether it may still be done, without counting; may be behind by a moment. */
    async look(rule: RateRule, who: string): Promise<Taken> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(rule, who) }),
      )
      const isUsedUp = Number(reply.Item?.['times'] ?? 0) >= rule.times
      const leftMs = Number(reply.Item?.['windowEndsAtMs'] ?? 0) - clock.now()
      return { retryAfterMs: isUsedUp ? Math.max(0, leftMs) : 0 }
    },

    /** Counts one time more, or says how long to wait. */
    async take(rule: RateRule, who: string): Promise<Taken> {
      for (;;) {
        try {
          await table.client.send(
            new UpdateCommand({
              TableName: table.name,
              Key: key(rule, who),
              UpdateExpression: 'ADD times :one',
              ConditionExpression: [windowRuns, someAreLeft].join(' AND '),
              ExpressionAttributeValues: {
                ':one': 1,
                ':now': clock.now(),
                ':times': rule.times,
              },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            }),
          )
          return { retryAfterMs: 0 }
        } catch (error) {
          const window = refusedItem(error)
          if (window === undefined) throw error
          const leftMs = Number(window?.['windowEndsAtMs'] ?? 0) - clock.now()
          if (leftMs > 0) return { retryAfterMs: leftMs }
          if (await begin(rule, who)) return { retryAfterMs: 0 }
        }
      }
    },

    /** Takes back a time that turned out not to be one of those that are limited. */
    async giveBack(rule: RateRule, who: string): Promise<void> {
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(rule, who),
            UpdateExpression: 'ADD times :minusOne',
            ConditionExpression: [windowRuns, someAreTaken].join(' AND '),
            ExpressionAttributeValues: { ':minusOne': -1, ':none': 0, ':now': clock.now() },
          }),
        ),
      )
    },
  }
}
