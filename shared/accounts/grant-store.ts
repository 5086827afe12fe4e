/** `grant#{id}`: sealed tokens, and the lease of whoever is refreshing them. */
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, isoTime, SECOND_MS } from '../platform/clock.ts'
import { ifItHolds, type Table, type TransactItem } from '../platform/table.ts'
import type { Grant } from './grant.ts'

export type GrantStore = ReturnType<typeof grantStore>

/** Longer than a refresh ever takes; a holder that died delays the next by this much. */
export const REFRESH_LEASE_MS = 20 * SECOND_MS

const leaseIsFree = '(attribute_not_exists(leaseOwner) OR leaseExpiresAtMs <= :now)'
const tokensAreThoseRead = 'tokens = :read'
const leaseIsMine = 'leaseOwner = :owner'
const isRefused = 'attribute_type(refusedAt, :string)'
// A refusal leaves the tokens as they were: who read them before it must not ask again.
const notRefused = `NOT ${isRefused}`

export function grantStore(table: Table, clock: Clock) {
  const key = (grantId: string) => ({ pk: `grant#${grantId}`, sk: 'grant' })

  return {
    key,

    async find(grantId: string): Promise<Grant | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(grantId), ConsistentRead: true }),
      )
      return reply.Item as Grant | undefined
    },

    /** The write of a fresh consent, to stand in the transaction that connects the account. It replaces every earlier token and lease. */
    put(grant: Grant): TransactItem {
      // Unconditional on purpose: the newest consent is the one that counts.
      return { Put: { TableName: table.name, Item: { ...key(grant.id), ...grant } } }
    },

    /** Takes the refresh lease and returns true; false when another holds it, has already refreshed or was refused. */
    async takeLease(grant: Grant, owner: string): Promise<boolean> {
      const taken = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(grant.id),
            UpdateExpression: 'SET leaseOwner = :owner, leaseExpiresAtMs = :until',
            ConditionExpression: [tokensAreThoseRead, notRefused, leaseIsFree].join(' AND '),
            ExpressionAttributeValues: {
              ':owner': owner,
              ':until': clock.now() + REFRESH_LEASE_MS,
              ':now': clock.now(),
              ':read': grant.tokens,
              ':string': 'S',
            },
          }),
        ),
      )
      return taken !== undefined
    },

    /** Saves refreshed tokens and gives the lease back in one write; false when the lease was lost meanwhile. */
    async saveRefreshed(
      grantId: string,
      owner: string,
      saved: Pick<Grant, 'tokens' | 'accessTokenExpiresAtMs'>,
    ): Promise<boolean> {
      return leaseWrite(grantId, owner, 'SET tokens = :tokens, accessTokenExpiresAtMs = :expires', {
        ':tokens': saved.tokens,
        ':expires': saved.accessTokenExpiresAtMs,
      })
    },

    /** Notes that the provider refused for good, and gives the lease back. */
    async saveRefused(grantId: string, owner: string): Promise<boolean> {
      return leaseWrite(grantId, owner, 'SET refusedAt = :refused', {
        ':refused': isoTime(clock.now()),
      })
    },

    /** The condition that the provider's refusal still stands, in the transaction that acts on it. */
    mustBeRefused(grantId: string): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: key(grantId),
          ConditionExpression: isRefused,
          ExpressionAttributeValues: { ':string': 'S' },
        },
      }
    },

    async releaseLease(grantId: string, owner: string): Promise<boolean> {
      return leaseWrite(grantId, owner, '', {})
    },
  }

  async function leaseWrite(
    grantId: string,
    owner: string,
    set: string,
    values: Record<string, unknown>,
  ): Promise<boolean> {
    const written = await ifItHolds(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(grantId),
          UpdateExpression: `${set} REMOVE leaseOwner, leaseExpiresAtMs`.trim(),
          ConditionExpression: leaseIsMine,
          ExpressionAttributeValues: { ...values, ':owner': owner },
        }),
      ),
    )
    return written !== undefined
  }
}
