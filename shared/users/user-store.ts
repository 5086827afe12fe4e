/** `user#{id}` and `login#{provider}#{hash of subject}`: a login belongs to one user and keeps no tokens. */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { OauthProviderId } from '../contract/common.ts'
import { type Clock, isoTime } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { hashToken, newId } from '../platform/ids.ts'
import {
  INDEX,
  ifItHolds,
  type Table,
  type TransactItem,
  TransactionRefused,
  transact,
} from '../platform/table.ts'
import type { UserSettings } from './settings.ts'
import type { Identity, User } from './user.ts'

export interface Login {
  userId: string
  provider: OauthProviderId
  subject: string
  email: string | null
  name: string | null
}

export type UserStore = ReturnType<typeof userStore>

const loginIsNew = 'attribute_not_exists(pk)'
const userExists = 'attribute_exists(pk)'
const nameIsNotOwn = 'attribute_not_exists(nameIsOwn)'
const settingsAsRead = 'settingsVersion = :seen'
const settingsNeverChanged = 'attribute_not_exists(settingsVersion)'

export function userStore(table: Table, clock: Clock) {
  const userKey = (userId: string) => ({ pk: `user#${userId}`, sk: 'user' })
  const loginKey = (provider: OauthProviderId, subject: string) => ({
    pk: `login#${provider}#${hashToken(subject)}`,
    sk: 'login',
  })

  async function findLogin(provider: OauthProviderId, subject: string): Promise<Login | undefined> {
    const reply = await table.client.send(
      new GetCommand({
        TableName: table.name,
        Key: loginKey(provider, subject),
        ConsistentRead: true,
      }),
    )
    return reply.Item as Login | undefined
  }

  return {
    findLogin,

    async find(userId: string): Promise<User | undefined> {
      const reply = await table.client.send(
        new GetCommand({
          TableName: table.name,
          Key: userKey(userId),
          // The page asks who is signed in right after the sign-in that made the user.
          ConsistentRead: true,
        }),
      )
      return reply.Item as User | undefined
    },

    /** Logins of a user, read through the owner index. */
    async listLogins(userId: string): Promise<Login[]> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': `logins#${userId}` },
        }),
      )
      return (reply.Items ?? []) as Login[]
    },

    /** Makes a user with this identity as its login; of two at once the first wins and both get its user. */
    async create(identity: Identity): Promise<string> {
      const createdAt = isoTime(clock.now())
      const userId = newId('user', clock.now())
      const { provider, subject, email, name, image } = identity
      try {
        await transact(table, [
          {
            Put: {
              TableName: table.name,
              Item: {
                ...loginKey(provider, subject),
                userId,
                provider,
                subject,
                email,
                name,
                createdAt,
                ownerPk: `logins#${userId}`,
                ownerSk: `${createdAt}#${provider}`,
              },
              ConditionExpression: loginIsNew,
            },
          },
          {
            Put: {
              TableName: table.name,
              Item: { ...userKey(userId), id: userId, email, name, image, createdAt },
              ConditionExpression: loginIsNew,
            },
          },
          eventPut(table, clock, 'user.created', { userId, actor: userId, subjectId: userId }),
        ])
        return userId
      } catch (error) {
        const existing = error instanceof TransactionRefused ? error.items[0] : undefined
        if (existing) return (existing as unknown as Login).userId
        throw error
      }
    },

    /** Keeps the picture and the name as the provider shows them now, the name unless its owner has chosen one. */
    async saveProfile(user: User, identity: Identity): Promise<void> {
      const { email, image } = identity
      const name = user.nameIsOwn ? user.name : identity.name
      if (user.email === email && user.name === name && user.image === image) return
      // Refused when the owner chooses a name at this moment: the next sign-in brings the rest.
      await ifItHolds(
        table.client.send(
          new UpdateCommand({
            TableName: table.name,
            Key: userKey(user.id),
            UpdateExpression: `SET email = :email, image = :image${user.nameIsOwn ? '' : ', #name = :name'}`,
            ConditionExpression: [userExists, ...(user.nameIsOwn ? [] : [nameIsNotOwn])].join(
              ' AND ',
            ),
            ...(user.nameIsOwn ? {} : { ExpressionAttributeNames: { '#name': 'name' } }),
            ExpressionAttributeValues: {
              ':email': email,
              ':image': image,
              ...(user.nameIsOwn ? {} : { ':name': name }),
            },
          }),
        ),
      )
    },

    /** The write that changes settings; refused when they were changed since the user was read. */
    changeSettings(user: User, set: Partial<UserSettings>): TransactItem {
      const { settingsVersion: seen } = user
      const members = { ...set, settingsVersion: (seen ?? 0) + 1 }
      const names = Object.keys(members)
      return {
        Update: {
          TableName: table.name,
          Key: userKey(user.id),
          UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression: [
            userExists,
            seen === undefined ? settingsNeverChanged : settingsAsRead,
          ].join(' AND '),
          ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: {
            ...Object.fromEntries(
              Object.entries(members).map(([name, value]) => [`:${name}`, value]),
            ),
            ...(seen === undefined ? {} : { ':seen': seen }),
          },
        },
      }
    },
  }
}
