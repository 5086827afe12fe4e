/**
 * Dropbox on one machine: sign-in, API v2, a page of what was delivered, and the control API.
 *
 * Rules, each with its source where it is obeyed: OAuth 2 with PKCE and OpenID Connect, scopes and
 * refusals as Dropbox spells them; paths without case, conflicts and the content that is there
 * already; upload sessions, sequential and concurrent, alone and in batches; the lock of a
 * namespace and the room of an account. What Dropbox lets pass against its own documentation is
 * answered and named in the request log. Unmodified rclone and the official client work on it; all
 * Dropbox hosts are one origin here, and behind a TLS proxy the real names are served too.
 *
 * Known gaps: sharing, search, file requests, Paper, teams, webhooks, old revisions, restoring,
 * `append_batch` and asynchronous batches are unknown functions; no OAuth flows but that of web
 * servers; every app sees the whole Dropbox; no rate limits but those that faults play; a session
 * whose commit succeeded is not found again, which Dropbox does not document.
 *
 * Files on disk: `<dataDir>/dropbox/dropbox.sqlite` (accounts, grants, metadata, sessions) and
 * `<dataDir>/dropbox/blobs/` (content). Both survive `kill -9`.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { ControlledProvider } from '../control-api.ts'
import type { Emulator, EmulatorOptions } from '../emulator.ts'
import { type Exchange, type Reply, textReply } from '../exchange.ts'
import { FaultPlan } from '../fault-plan.ts'
import type { OAuthClient } from '../oauth-client.ts'
import { OAuthError } from '../oauth-error.ts'
import { createProviderServer } from '../provider-server.ts'
import { RequestLog } from '../request-log.ts'
import { SigningKey } from '../signing-key.ts'
import { type Account, AccountStore, usedBytes } from './account-store.ts'
import type { ApiParts } from './api-call.ts'
import { routeApi } from './api-routes.ts'
import { type AuthorizeParts, handleAuthorize } from './authorize.ts'
import { followLink, isTemporaryLink } from './download.ts'
import { DropboxDatabase } from './dropbox-database.ts'
import { BadInputError, DropboxError, rateLimitReply } from './dropbox-error.ts'
import { EntryStore } from './entry-store.ts'
import { faultReply } from './fault-reply.ts'
import { ENTRIES_BUSY } from './finish.ts'
import { handleDiscovery, handleKeys } from './identity.ts'
import { NamespaceLock, NamespaceLockedError } from './namespace-lock.ts'
import { OAuthStore } from './oauth-store.ts'
import { fileName } from './paths.ts'
import { PartialContentError } from './receive.ts'
import { brokenRules } from './request-rules.ts'
import { SessionStore } from './session-store.ts'
import { handleToken, type TokenParts } from './token-endpoint.ts'

export const DROPBOX_HOSTS = [
  'api.dropboxapi.com',
  'content.dropboxapi.com',
  'notify.dropboxapi.com',
  'api.dropbox.com',
  'www.dropbox.com',
  'dl.dropboxusercontent.com',
]

export type DropboxEmulator = Emulator

type Parts = ApiParts & AuthorizeParts & TokenParts

export function createDropboxEmulator(options: EmulatorOptions): Emulator {
  const { clock } = options
  const database = new DropboxDatabase(options.dataDir)
  const accounts = new AccountStore(database)
  const clients = new Map<string, OAuthClient>()
  let issuer = options.publicUrl
  const parts: Parts = {
    database,
    clock,
    accounts,
    clients,
    entries: new EntryStore(database, accounts),
    lock: new NamespaceLock(),
    oauth: new OAuthStore(database, clock),
    sessions: new SessionStore(database, clock),
    signingKey: new SigningKey(database),
    issuer() {
      if (issuer === undefined) throw new Error('the emulator is not listening')
      return issuer
    },
  }
  removeOrphanedBlobs(parts)

  const server = createProviderServer({
    providerName: 'Dropbox',
    providerHosts: DROPBOX_HOSTS,
    clock,
    faults: new FaultPlan([ENTRIES_BUSY]),
    log: new RequestLog(),
    provider: controlledDropbox(parts),
    answer: (exchange) => answer(parts, exchange),
    brokenRules,
    faultReply: (exchange, status, fault, reason) =>
      named(faultReply(exchange, status, fault, reason)),
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

/** Key and secret of an app, as the App Console hands them out. */
export function newDropboxClient() {
  return {
    clientId: randomBytes(8).toString('hex').slice(0, 15),
    clientSecret: randomBytes(8).toString('hex').slice(0, 15),
  }
}

async function answer(parts: Parts, exchange: Exchange): Promise<Reply> {
  try {
    return named(await route(parts, exchange))
  } catch (error) {
    return named(refusal(error))
  }
}

function refusal(error: unknown): Reply {
  if (
    error instanceof DropboxError ||
    error instanceof BadInputError ||
    error instanceof OAuthError
  ) {
    return error.toReply()
  }
  if (error instanceof NamespaceLockedError) return rateLimitReply('too_many_write_operations', 1)
  if (error instanceof PartialContentError) return textReply(503, 'Service Unavailable')
  throw error
}

/** "X-Dropbox-Request-Id": support asks for it. */
function named(reply: Reply): Reply {
  const id = randomUUID().replaceAll('-', '')
  return { ...reply, headers: { 'x-dropbox-request-id': id, ...reply.headers } }
}

async function route(parts: Parts, exchange: Exchange): Promise<Reply> {
  const { pathname } = exchange.url
  if (pathname.startsWith('/2/')) return await routeApi(parts, exchange)
  if (isTemporaryLink(exchange)) return followLink(parts, exchange)
  switch (pathname) {
    case '/oauth2/authorize':
    case '/1/oauth2/authorize':
      return await handleAuthorize(parts, exchange)
    case '/oauth2/token':
    case '/1/oauth2/token':
      return await handleToken(parts, exchange)
    case '/.well-known/openid-configuration':
      return handleDiscovery(parts, exchange)
    case '/.well-known/jwks':
      return handleKeys(parts, exchange)
  }
  return textReply(404, 'Not found')
}

function controlledDropbox(parts: Parts): ControlledProvider {
  const find = (email: string): Account => {
    const account = parts.accounts.byEmail(email)
    if (!account) throw new Error(`no account ${email}`)
    return account
  }
  return {
    accounts: () =>
      parts.accounts.all().map((account) => ({
        email: account.email,
        name: account.name,
        id: account.accountId,
        quota: { usedBytes: usedBytes(account), totalBytes: account.totalBytes ?? null },
      })),
    createAccount({ email, name, quota }) {
      parts.accounts.create(email, name ?? email.split('@')[0] ?? email)
      if (quota) parts.accounts.setQuota(find(email), quota)
    },
    revoke: (email) => parts.oauth.revokeEverything(find(email).accountId),
    expireTokens: (email) => parts.oauth.expireAccessTokens(find(email).accountId),
    setQuota: (email, quota) => parts.accounts.setQuota(find(email), quota),
    files: (email) =>
      parts.entries.files(find(email).accountId).map(({ id, path, content }) => {
        const { size, sha256, md5 } = content
        return { id, account: email, name: fileName(path), path, size, sha256, md5, trashed: false }
      }),
    settings: {
      read: () => parts.lock.settings,
      change: (input) => parts.lock.change(input),
    },
  }
}

function removeOrphanedBlobs({ sessions, database }: Parts): void {
  sessions.removeExpired()
  const rows = database.all(
    'SELECT blob FROM entries WHERE blob IS NOT NULL UNION SELECT blob FROM sessions',
  )
  database.removeOrphanedBlobs(new Set(rows.map((row) => row['blob'])))
}
