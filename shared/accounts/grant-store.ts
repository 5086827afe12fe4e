/**
 * `grant#{id}`: sealed tokens, and the lease of whoever is refreshing them. `identity#{provider}#{hash
 * of subject}` / `{id}` beside it: which grants one identity at a provider has given, to whatever owner.
 */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { type Clock, isoTime, SECOND_MS } from '../platform/clock.ts'
import { hashToken } from '../platform/ids.ts'
import { INDEX, ifItHolds, readItems, type Table, type TransactItem } from '../platform/table.ts'
import type { Grant } from './grant.ts'

export type GrantStore = ReturnType<typeof grantStore>

/** Longer than a refresh ever takes; a holder that died delays the next by this much. */
export const REFRESH_LEASE_MS = 20 * SECOND_MS

const leaseIsFree = '(attribute_not_exists(leaseOwner) OR leaseExpiresAtMs <= :now)'
const tokensAreThoseRead = 'tokens = :read'
// Each consent has a key of its own; a refresh keeps it.
const keyIsThatRead = 'wrappedKey = :read'
const leaseIsMine = 'leaseOwner = :owner'
const isRefused = 'attribute_type(refusedAt, :string)'
// A refusal leaves the tokens as they were: who read them before it must not ask again.
const notRefused = `NOT ${isRefused}`

export function grantStore(table: Table, clock: Clock) {
  const key = (grantId: string) => ({ pk: `grant#${grantId}`, sk: 'grant' })
  const identityPk = (grant: Pick<Grant, 'provider' | 'subject'>) =>
    `identity#${grant.provider}#${hashToken(grant.subject)}`

  return {
    key,

    async find(grantId: string): Promise<Grant | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(grantId), ConsistentRead: true }),
      )
      return reply.Item as Grant | undefined
    },

    /** Grants of a user, read through the owner index. */
    async list(userId: string): Promise<Grant[]> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': `grants#${userId}` },
        }),
      )
      return (reply.Items ?? []) as Grant[]
    },

    /** The writes of a fresh consent, to stand in the transaction that connects the account. They replace every earlier token and lease. */
    put(grant: Grant): TransactItem[] {
      // Unconditional on purpose: the newest consent is the one that counts.
      return [
        {
          Put: {
            TableName: table.name,
            Item: {
              ...key(grant.id),
              ...grant,
              ownerPk: `grants#${grant.userId}`,
              ownerSk: grant.id,
            },
          },
        },
        {
          Put: {
            TableName: table.name,
            Item: { pk: identityPk(grant), sk: grant.id, grantId: grant.id },
          },
        },
      ]
    },

    /** The writes that destroy a grant with its ciphertext; refused when a new consent has replaced it since it was read. */
    remove(grant: Grant): TransactItem[] {
      return [
        {
          Delete: {
            TableName: table.name,
            Key: key(grant.id),
            ConditionExpression: keyIsThatRead,
            ExpressionAttributeValues: { ':read': grant.wrappedKey },
          },
        },
        { Delete: { TableName: table.name, Key: { pk: identityPk(grant), sk: grant.id } } },
      ]
    },

    /** Whether this identity still has a grant that works, with this owner or another. */
    async isHeldElsewhere(grant: Pick<Grant, 'provider' | 'subject'>): Promise<boolean> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          KeyConditionExpression: 'pk = :identity',
          ExpressionAttributeValues: { ':identity': identityPk(grant) },
          ConsistentRead: true,
        }),
      )
      const keys = (reply.Items ?? []).map((item) => key(String(item['grantId'])))
      const grants = (await readItems(table, keys, { consistent: true })) as unknown as Grant[]
      return grants.some(({ refusedAt }) => refusedAt === null)
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

    /** The condition that no new consent has replaced a grant since it was read. */
    mustBeThatRead(grant: Grant): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: key(grant.id),
          ConditionExpression: keyIsThatRead,
          ExpressionAttributeValues: { ':read': grant.wrappedKey },
        },
      }
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
