/** An account with its portals and its grant in a real table, with a provider of tokens that a test steers. */
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Account } from '../../../shared/accounts/account.ts'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import { disconnectRefused } from '../../../shared/accounts/disconnect-refused.ts'
import { freshTokens } from '../../../shared/accounts/fresh-token.ts'
import type { Grant, GrantTokens } from '../../../shared/accounts/grant.ts'
import { grantStore } from '../../../shared/accounts/grant-store.ts'
import type { TokenVault } from '../../../shared/accounts/token-vault.ts'
import type { StorageProviderId } from '../../../shared/contract/common.ts'
import { rateLimits } from '../../../shared/limits/rate-limits.ts'
import type { OauthTokens, TokenSet } from '../../../shared/oauth/oauth-provider.ts'
import { HOUR_MS } from '../../../shared/platform/clock.ts'
import { INDEX, type Item, type Table, transact } from '../../../shared/platform/table.ts'
import type { Portal } from '../../../shared/portals/portal.ts'
import { portalStore } from '../../../shared/portals/portal-store.ts'
import type { StorageAccess } from '../../../shared/providers/provider.ts'
import { toOauthProviderId } from '../../../shared/providers/provider-id.ts'
import { userStore } from '../../../shared/users/user-store.ts'
import { newAccount, newPortal } from '../../support/make.ts'
import { steeredClock } from '../../support/steered-clock.ts'

export type AccountHouse = Awaited<ReturnType<typeof openAccount>>

export async function openAccount(table: Table, provider?: StorageProviderId) {
  const clock = steeredClock()
  const accounts = accountStore(table, clock)
  const portals = portalStore(table, clock)
  const grants = grantStore(table, clock)
  const account = newAccount(clock.now(), provider)
  const grant = grantOf(account, clock.now(), { accessToken: 'old', refreshToken: 'first' })
  await transact(table, [accounts.create(account), ...grants.put(grant)])

  const asked: string[] = []
  let answer: (refreshToken: string) => Promise<TokenSet> = async () => ({
    accessToken: `new-${asked.length}`,
    expiresInSeconds: 3600,
    scopes: [],
  })
  const revoked: string[] = []
  const oauth: OauthTokens = {
    refresh(refreshToken) {
      asked.push(refreshToken)
      return answer(refreshToken)
    },
    async revoke(refreshToken) {
      revoked.push(refreshToken)
    },
  }
  let probe: () => Promise<Quota> = async () => ({ usedBytes: 10, totalBytes: 100 })
  const status = { table, accounts, portals, clock }

  return {
    ...status,
    account,
    grant,
    grants,
    users: userStore(table, clock),
    limits: rateLimits(table, clock),
    vault: openVault,
    oauth: () => oauth,
    random: () => 0.5,
    /** The provider, which answers what the test wants. */
    provider: () => ({ quota: () => probe() }) as unknown as StorageAccess,
    answerProbe(next: typeof probe) {
      probe = next
    },
    /** Refresh tokens that the provider was asked with, and those that it was told to revoke. */
    asked,
    revoked,
    answerRefresh(next: typeof answer) {
      answer = next
    },

    /** `freshToken` of a process of its own; waiting moves the clock. */
    caller() {
      return freshTokens({
        grants,
        vault: openVault,
        oauth: () => oauth,
        clock,
        sleep: async (ms) => clock.advance(ms),
        random: () => 0.5,
        onRefused: (refused) => disconnectRefused({ ...status, grants }, refused),
      })
    },

    expireToken(): void {
      clock.advance(HOUR_MS)
    },

    async addPortal(over: Partial<Portal> = {}): Promise<Portal> {
      const portal = { ...newPortal(account, clock.now()), ...over }
      await transact(table, portals.create(portal))
      return portal
    },

    async portalNow(portal: Portal): Promise<Portal> {
      const now = await portals.find(portal.id)
      if (!now) throw new Error('the portal is gone')
      return now
    },

    /** How many of the account's portals are on. */
    async openPortals(): Promise<number> {
      let open = 0
      for await (const page of portals.pagesByAccount(account.id)) {
        open += page.filter(({ isActive }) => isActive).length
      }
      return open
    },

    /** When the sweep would call for the account; undefined when it never would. */
    async dueAtMs(): Promise<number | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: accounts.key(account.id) }),
      )
      const dueSk: unknown = reply.Item?.['dueSk']
      return typeof dueSk === 'string' ? Date.parse(dueSk.split('#')[0] ?? '') : undefined
    },

    async now(): Promise<Account> {
      const now = await accounts.find(account.id)
      if (!now) throw new Error('the account is gone')
      return now
    },

    /** Events of the owner, oldest first. */
    async events(): Promise<Item[]> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': `events#${account.userId}` },
        }),
      )
      return reply.Items ?? []
    },
  }
}

type Quota = Awaited<ReturnType<StorageAccess['quota']>>

/** Hides nothing. */
const openVault: TokenVault = {
  newKey: async () => 'key',
  seal: async (_grant, _key, text) => text,
  unseal: async (_grant, _key, text) => text,
}

export function grantOf(account: Account, nowMs: number, tokens: GrantTokens): Grant {
  return {
    id: account.grantId,
    userId: account.userId,
    accountId: account.id,
    provider: toOauthProviderId(account.provider),
    subject: account.providerAccountId,
    email: account.email,
    displayName: account.displayName,
    scopes: [],
    wrappedKey: 'key',
    tokens: JSON.stringify(tokens),
    accessTokenExpiresAtMs: nowMs + HOUR_MS,
    refusedAt: null,
  }
}
