/**
 * What every provider emulator is: people, grants, files on disk, and an HTTP front with its control
 * API. An `EmulatorDefinition` says what a provider adds to it.
 */
import type { Clock } from '../clock.ts'
import { ACCOUNTS_SCHEMA, type Account, AccountStore, usedBytes } from './account-store.ts'
import type { ControlledProvider, DeliveredFile } from './control-api.ts'
import type { Exchange, Reply } from './exchange.ts'
import { type Fault, FaultPlan } from './fault-plan.ts'
import type { OAuthClient } from './oauth-client.ts'
import { OAUTH_SCHEMA, OAuthStore, type TokenManner } from './oauth-store.ts'
import { ProviderDatabase } from './provider-database.ts'
import { createProviderServer, type ProviderServer } from './provider-server.ts'
import { RequestLog } from './request-log.ts'
import { SigningKey } from './signing-key.ts'

export interface EmulatorOptions {
  dataDir: string
  clock: Clock
  /** Origin under which clients know the emulator, and `iss` of its tokens; the address of `listen` when absent. */
  publicUrl?: string
}

export interface Emulator extends ProviderServer {
  /** Makes the client known, or changes it. Consents and tokens survive restarts; clients are registered at each start. */
  registerClient(client: OAuthClient): void
}

export interface EmulatorKind {
  create(options: EmulatorOptions): Emulator
  /** Id and secret of a client, spelt as the provider's console spells them. */
  newClient(): Pick<OAuthClient, 'clientId' | 'clientSecret'>
}

/** What the endpoints of every provider work with. */
export interface EmulatorParts {
  database: ProviderDatabase
  clock: Clock
  accounts: AccountStore
  oauth: OAuthStore
  clients: ReadonlyMap<string, OAuthClient>
  signingKey: SigningKey
  issuer(): string
}

export type HeldFile = Omit<DeliveredFile, 'account'>

export interface EmulatorDefinition<Parts extends EmulatorParts> {
  /** Of the folder and the file in which it keeps its state. */
  id: string
  name: string
  /** The provider's own host names, for clients that are led here by a TLS proxy. */
  hosts: readonly string[]
  /** Tables of its own; those named in `contentTables` have a column `blob`. */
  schema: string
  contentTables: readonly string[]
  tokens: TokenManner
  accountId(email: string): string
  /** Adds what is the provider's own. */
  parts(common: EmulatorParts): Parts
  /** Names of faults that only this provider has. */
  faults: readonly string[]
  answer(parts: Parts, exchange: Exchange): Promise<Reply>
  brokenRules(exchange: Exchange): string[]
  faultReply(exchange: Exchange, status: number, fault: Fault, reason?: string): Reply
  /** What an owner has, also in the bin. */
  files(parts: Parts, account: Account): HeldFile[] | Promise<HeldFile[]>
  settings?(parts: Parts): ControlledProvider['settings']
}

export function createEmulator<Parts extends EmulatorParts>(
  definition: EmulatorDefinition<Parts>,
  options: EmulatorOptions,
): Emulator {
  const { clock } = options
  const schema = ACCOUNTS_SCHEMA + OAUTH_SCHEMA + definition.schema
  const database = new ProviderDatabase(options.dataDir, definition.id, schema)
  const clients = new Map<string, OAuthClient>()
  let issuer = options.publicUrl
  const parts = definition.parts({
    database,
    clock,
    clients,
    accounts: new AccountStore(database, definition.accountId),
    oauth: new OAuthStore(database, clock, definition.tokens),
    signingKey: new SigningKey(database),
    issuer() {
      if (issuer === undefined) throw new Error('the emulator is not listening')
      return issuer
    },
  })
  database.removeOrphanedBlobs(definition.contentTables)

  const server = createProviderServer({
    providerName: definition.name,
    providerHosts: definition.hosts,
    clock,
    faults: new FaultPlan(definition.faults),
    log: new RequestLog(),
    provider: controlled(definition, parts),
    answer: (exchange) => definition.answer(parts, exchange),
    brokenRules: (exchange) => definition.brokenRules(exchange),
    faultReply: (...refusal) => definition.faultReply(...refusal),
  })
  return {
    async listen(port) {
      const { url } = await server.listen(port)
      issuer ??= url
      return { url }
    },
    registerClient(client) {
      clients.set(client.clientId, client)
    },
    async close() {
      await server.close()
      database.close()
    },
  }
}

function controlled<Parts extends EmulatorParts>(
  definition: EmulatorDefinition<Parts>,
  parts: Parts,
): ControlledProvider {
  const { accounts, oauth } = parts
  const find = (email: string): Account => {
    const account = accounts.byEmail(email)
    if (!account) throw new Error(`no account ${email}`)
    return account
  }
  const settings = definition.settings?.(parts)
  return {
    accounts: () =>
      accounts.all().map((account) => ({
        email: account.email,
        name: account.name,
        id: account.id,
        quota: { usedBytes: usedBytes(account), totalBytes: account.totalBytes ?? null },
      })),
    createAccount({ email, name, quota }) {
      accounts.create(email, name ?? email.split('@')[0] ?? email)
      if (quota) accounts.setQuota(find(email), quota)
    },
    revoke: (email) => oauth.revokeEverything(find(email).id),
    expireTokens: (email) => oauth.expireAccessTokens(find(email).id),
    setQuota: (email, quota) => accounts.setQuota(find(email), quota),
    async files(email) {
      const files = await definition.files(parts, find(email))
      return files.map((file) => ({ ...file, account: email }))
    },
    ...(settings && { settings }),
  }
}
