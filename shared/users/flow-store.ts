/** `state#{hash}`: an OAuth flow under way, for ten minutes; one conditional delete consumes it. */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import type { OauthProviderId } from '../contract/common.ts'
import { type Clock, MINUTE_MS } from '../platform/clock.ts'
import { hashToken } from '../platform/ids.ts'
import { ifItHolds, type Table } from '../platform/table.ts'

export interface OauthFlow {
  kind: 'login' | 'connect'
  provider: OauthProviderId
  /** Hash of the cookie of the browser that began. */
  browserHash: string
  /** Of `connect` alone: whose storage it is, in which session. */
  userId?: string
  sessionHash?: string
  codeVerifier: string
  nonce: string
  returnTo: string
}

export type FlowStore = ReturnType<typeof flowStore>

export const FLOW_LIFETIME_MS = 10 * MINUTE_MS

const stateIsNew = 'attribute_not_exists(pk)'

const flowMatches = [
  'kind = :kind',
  'provider = :provider',
  'browserHash = :browser',
  'validUntilMs > :now',
]
const sameSession = ['userId = :user', 'sessionHash = :session']

export function flowStore(table: Table, clock: Clock) {
  const key = (state: string) => ({ pk: `state#${hashToken(state)}`, sk: 'state' })

  return {
    async begin(state: string, flow: OauthFlow): Promise<void> {
      const validUntilMs = clock.now() + FLOW_LIFETIME_MS
      await table.client.send(
        new PutCommand({
          TableName: table.name,
          Item: { ...key(state), ...flow, validUntilMs, expiresAt: Math.ceil(validUntilMs / 1000) },
          ConditionExpression: stateIsNew,
        }),
      )
    },

    /** The flow, once, and only for the browser, flow and (for connect) session that began it. */
    async consume(
      state: string,
      must: Pick<OauthFlow, 'kind' | 'provider' | 'browserHash' | 'userId' | 'sessionHash'>,
    ): Promise<OauthFlow | undefined> {
      const connecting = must.kind === 'connect'
      const reply = await ifItHolds(
        table.client.send(
          new DeleteCommand({
            TableName: table.name,
            Key: key(state),
            ConditionExpression: [...flowMatches, ...(connecting ? sameSession : [])].join(' AND '),
            ExpressionAttributeValues: {
              ':kind': must.kind,
              ':provider': must.provider,
              ':browser': must.browserHash,
              ':now': clock.now(),
              ...(connecting ? { ':user': must.userId, ':session': must.sessionHash } : {}),
            },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      )
      return reply?.Attributes as OauthFlow | undefined
    },
  }
}
