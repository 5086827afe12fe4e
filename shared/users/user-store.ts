/** `user#{id}` and `login#{provider}#{hash of subject}`: a login belongs to one user and keeps no tokens. */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { OauthProviderId } from '../contract/common.ts'
import { type Clock, isoTime } from '../platform/clock.ts'
import { hashToken, newId } from '../platform/ids.ts'
import { INDEX, type Table, TransactionRefused, transact } from '../platform/table.ts'
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

export function userStore(table: Table, clock: Clock) {
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
          Key: { pk: `user#${userId}`, sk: 'user' },
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
              Item: { pk: `user#${userId}`, sk: 'user', id: userId, email, name, image, createdAt },
              ConditionExpression: loginIsNew,
            },
          },
        ])
        return userId
      } catch (error) {
        const existing = error instanceof TransactionRefused ? error.items[0] : undefined
        if (existing) return (existing as unknown as Login).userId
        throw error
      }
    },

    /** Keeps the picture and the name as the provider shows them now. */
    async saveProfile(user: User, identity: Identity): Promise<void> {
      const { email, name, image } = identity
      if (user.email === email && user.name === name && user.image === image) return
      await table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: { pk: `user#${user.id}`, sk: 'user' },
          UpdateExpression: 'SET email = :email, #name = :name, image = :image',
          ConditionExpression: userExists,
          ExpressionAttributeNames: { '#name': 'name' },
          ExpressionAttributeValues: { ':email': email, ':name': name, ':image': image },
        }),
      )
    },
  }
}
