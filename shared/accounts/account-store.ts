/** `account#{id}`: storage accounts. The id derives from user, provider and identity, so a second one cannot exist. */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { StorageProviderId } from '../contract/common.ts'
import { type Clock, isoTime, MINUTE_MS } from '../platform/clock.ts'
import { derivedId } from '../platform/ids.ts'
import {
  dueKeys,
  INDEX,
  type Item,
  ifItHolds,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Account } from './account.ts'

export type AccountStore = ReturnType<typeof accountStore>

const accountIsNew = 'attribute_not_exists(pk)'
const accountExists = 'attribute_exists(pk)'
const unchangedSinceRead = '#status = :old AND version = :version'
const isActive = '#status = :active'
const dueAsSeen = 'dueSk = :seen'

/** Ids of the account and the grant that this identity has, or would have. */
export function accountIds(userId: string, provider: StorageProviderId, providerAccountId: string) {
  return {
    accountId: derivedId('account', userId, provider, providerAccountId),
    grantId: derivedId('grant', userId, provider, providerAccountId),
  }
}

function dueValues(accountId: string, atMs: number) {
  const { duePk, dueSk } = dueKeys(accountId, 'account', atMs)
  return { ':duePk': duePk, ':dueSk': dueSk }
}

export function accountStore(table: Table, clock: Clock) {
  const key = (accountId: string) => ({ pk: `account#${accountId}`, sk: 'account' })

  return {
    key,

    async find(accountId: string): Promise<Account | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(accountId), ConsistentRead: true }),
      )
      return reply.Item as Account | undefined
    },

    /** Accounts of a user, oldest first. */
    async list(userId: string): Promise<Account[]> {
      const accounts: Account[] = []
      let start: Item | undefined
      do {
        const reply = await table.client.send(
          new QueryCommand({
            TableName: table.name,
            IndexName: INDEX.owner,
            KeyConditionExpression: 'ownerPk = :owner',
            ExpressionAttributeValues: { ':owner': `accounts#${userId}` },
            ...(start ? { ExclusiveStartKey: start } : {}),
          }),
        )
        accounts.push(...((reply.Items ?? []) as Account[]))
        start = reply.LastEvaluatedKey
      } while (start)
      return accounts
    },

    /** The write of a first connect. */
    create(account: Account): TransactItem {
      return {
        Put: {
          TableName: table.name,
          Item: {
            ...key(account.id),
            ...account,
            ownerPk: `accounts#${account.userId}`,
            ownerSk: timeKey(Date.parse(account.createdAt), account.id),
            ...dueKeys(account.id, 'account', clock.now()),
          },
          ConditionExpression: accountIsNew,
        },
      }
    },

    /**
     * The write of a transition; refused when the account changed since it was read. The account is
     * due at once: portals and waiting files follow what it is now.
     */
    change(
      account: Account,
      to: Pick<Account, 'status' | 'disconnectedBy' | 'lastError' | 'failures' | 'probeAtMs'> &
        Partial<Pick<Account, 'displayName' | 'email'>>,
    ): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(account.id),
          UpdateExpression: [
            'SET #status = :new, disconnectedBy = :by, lastError = :error, displayName = :name,',
            'email = :email, failures = :failures, probeAtMs = :probeAt, updatedAt = :now,',
            'duePk = :duePk, dueSk = :dueSk ADD version :one',
          ].join(' '),
          ConditionExpression: unchangedSinceRead,
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':new': to.status,
            ':by': to.disconnectedBy,
            ':error': to.lastError,
            ':name': to.displayName ?? account.displayName,
            ':email': to.email === undefined ? account.email : to.email,
            ':failures': to.failures,
            ':probeAt': to.probeAtMs,
            ':now': isoTime(clock.now()),
            ...dueValues(account.id, clock.now()),
            ':one': 1,
            ':old': account.status,
            ':version': account.version,
          },
        },
      }
    },

    /** The condition that nobody has changed an account since it was read. */
    mustBeUnchanged(account: Account): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: key(account.id),
          ConditionExpression: unchangedSinceRead,
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':old': account.status, ':version': account.version },
        },
      }
    },

    /** The condition that an account still takes uploads, to stand in another thing's transaction. */
    mustBeActive(accountId: string): TransactItem {
      return {
        ConditionCheck: {
          TableName: table.name,
          Key: key(accountId),
          ConditionExpression: isActive,
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':active': 'ACTIVE' },
        },
      }
    },

    /** Notes how a probe went, unless the account has changed since it was read. */
    async noteProbe(
      account: Account,
      probe: Pick<Account, 'failures' | 'probeAtMs' | 'lastError' | 'lastAccessedAt' | 'quota'>,
    ): Promise<boolean> {
      const noted = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(account.id),
            UpdateExpression:
              'SET failures = :failures, probeAtMs = :probeAt, lastError = :error, lastAccessedAt = :accessed, quota = :quota',
            ConditionExpression: unchangedSinceRead,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':failures': probe.failures,
              ':probeAt': probe.probeAtMs,
              ':error': probe.lastError,
              ':accessed': probe.lastAccessedAt,
              ':quota': probe.quota,
              ':old': account.status,
              ':version': account.version,
            },
          }),
        ),
      )
      return noted !== undefined
    },

    /** Nothing is left to do for now: due again at the next probe, or no more. Changes nothing when the account has changed since it was read. */
    async rest(account: Account, probeAtMs: number | null): Promise<void> {
      const due = probeAtMs === null ? undefined : dueValues(account.id, probeAtMs)
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(account.id),
            UpdateExpression: due ? 'SET duePk = :duePk, dueSk = :dueSk' : 'REMOVE duePk, dueSk',
            ConditionExpression: unchangedSinceRead,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ...due,
              ':old': account.status,
              ':version': account.version,
            },
          }),
        ),
      )
    },

    /** Moves a due entry on, so that one sweep acts on it; false when another already has. */
    async postpone(accountId: string, dueSk: string, atMs: number): Promise<boolean> {
      const moved = await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(accountId),
            UpdateExpression: 'SET dueSk = :next',
            ConditionExpression: dueAsSeen,
            ExpressionAttributeValues: {
              ':seen': dueSk,
              ':next': dueKeys(accountId, 'account', atMs).dueSk,
            },
          }),
        ),
      )
      return moved !== undefined
    },

    /** Notes a successful call to the provider, at most once a minute. */
    async noteAccess(account: Account): Promise<void> {
      const last = account.lastAccessedAt ? Date.parse(account.lastAccessedAt) : 0
      if (clock.now() - last < MINUTE_MS) return
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: key(account.id),
            UpdateExpression: 'SET lastAccessedAt = :now',
            ConditionExpression: accountExists,
            ExpressionAttributeValues: { ':now': isoTime(clock.now()) },
          }),
        ),
      )
    },
  }
}
