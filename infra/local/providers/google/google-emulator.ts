/**
 * Google on one machine: sign-in, Drive v3, a page of what was delivered, and the control API.
 *
 * Rules, each with its source where it is obeyed: OAuth 2 with PKCE and OpenID Connect, scopes and
 * refusals as Google spells them; the per-file access of drive.file; queries, fields and pages;
 * uploads in one request and in sessions, reserved ids, the room of an account. Wrong values get
 * Google's own refusal; what Google lets pass against its own documentation is answered and named
 * in the request log (`request-rules.ts`). Unmodified rclone, googleapis and openid-client work on
 * it; all Google hosts are one origin here, and behind a TLS proxy the real names are served too.
 *
 * Known gaps: copies, permissions, comments, revisions, labels, changes, apps, shared drives, Docs
 * formats and batches are refused with 501 `notImplemented` (no account has a shared drive or a
 * document, so a search for either finds nothing); no OAuth flows but that of web servers; lists
 * are never late; no quotas of requests but those that faults play.
 *
 * Files on disk: `<dataDir>/google/google.sqlite` (accounts, grants, metadata, sessions) and
 * `<dataDir>/google/blobs/` (content). Both survive `kill -9`.
 */
import { randomBytes } from 'node:crypto'
import type { ControlledProvider } from '../control-api.ts'
import type { Emulator, EmulatorOptions } from '../emulator.ts'
import type { Exchange, Reply } from '../exchange.ts'
import { FaultPlan } from '../fault-plan.ts'
import type { OAuthClient } from '../oauth-client.ts'
import { OAuthError, oauthErrorReply } from '../oauth-error.ts'
import { createProviderServer } from '../provider-server.ts'
import { RequestLog } from '../request-log.ts'
import { SigningKey } from '../signing-key.ts'
import { type Account, AccountStore, usedBytes } from './account-store.ts'
import { handleAuthorize } from './authorize.ts'
import { DriveError, driveErrorReply, UploadProtocolError } from './drive-error.ts'
import { DriveIds } from './drive-ids.ts'
import type { DriveParts } from './drive-parts.ts'
import { routeDrive } from './drive-routes.ts'
import { FileStore } from './file-store.ts'
import { GoogleDatabase } from './google-database.ts'
import {
  handleCerts,
  handleDiscovery,
  handlePicture,
  handleUserinfo,
  type IdentityParts,
} from './identity.ts'
import { OAuthStore } from './oauth-store.ts'
import { brokenRules } from './request-rules.ts'
import { LATE_CONFLICT } from './resumable.ts'
import { SessionStore } from './session-store.ts'
import { handleRevoke, handleToken, handleTokenInfo, type TokenParts } from './token-endpoint.ts'

export const GOOGLE_HOSTS = [
  'www.googleapis.com',
  'oauth2.googleapis.com',
  'accounts.google.com',
  'openidconnect.googleapis.com',
]

export type GoogleEmulator = Emulator

type Parts = DriveParts & TokenParts & IdentityParts

export function createGoogleEmulator(options: EmulatorOptions): Emulator {
  const { clock } = options
  const database = new GoogleDatabase(options.dataDir)
  const accounts = new AccountStore(database)
  const files = new FileStore(database, accounts)
  const clients = new Map<string, OAuthClient>()
  let issuer = options.publicUrl
  const parts: Parts = {
    database,
    clock,
    accounts,
    files,
    clients,
    oauth: new OAuthStore(database, clock),
    ids: new DriveIds(database),
    sessions: new SessionStore(database, clock),
    signingKey: new SigningKey(database),
    issuer() {
      if (issuer === undefined) throw new Error('the emulator is not listening')
      return issuer
    },
  }
  removeOrphanedBlobs(parts)

  const server = createProviderServer({
    providerName: 'Google',
    providerHosts: GOOGLE_HOSTS,
    clock,
    faults: new FaultPlan([LATE_CONFLICT]),
    log: new RequestLog(),
    provider: controlledGoogle(parts),
    answer: (exchange) => answer(parts, exchange),
    brokenRules,
    faultReply(exchange, status, fault, reason) {
      const reply = faultReply(exchange, status, reason, fault.message)
      if (fault.retryAfterSeconds === undefined) return reply
      return {
        ...reply,
        headers: { ...reply.headers, 'retry-after': String(fault.retryAfterSeconds) },
      }
    },
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

/** As Google's console hands them out. */
export function newGoogleClient() {
  return {
    clientId: `${randomBytes(6).toString('hex')}.apps.googleusercontent.com`,
    clientSecret: `GOCSPX-${randomBytes(21).toString('base64url')}`,
  }
}

async function answer(parts: Parts, exchange: Exchange): Promise<Reply> {
  try {
    return await route(parts, exchange)
  } catch (error) {
    if (
      error instanceof DriveError ||
      error instanceof OAuthError ||
      error instanceof UploadProtocolError
    ) {
      return error.toReply()
    }
    throw error
  }
}

async function route(parts: Parts, exchange: Exchange): Promise<Reply> {
  const { pathname } = exchange.url
  if (/^\/((upload\/)?drive\/v3|batch)(\/|$)/.test(pathname)) {
    return await routeDrive(parts, exchange)
  }
  switch (pathname) {
    case '/o/oauth2/v2/auth':
    case '/o/oauth2/auth':
      return await handleAuthorize(parts, exchange)
    case '/token':
    case '/oauth2/v4/token':
      return await handleToken(parts, exchange)
    case '/revoke':
      return await handleRevoke(parts, exchange)
    case '/tokeninfo':
      return await handleTokenInfo(parts, exchange)
    case '/v1/userinfo':
    case '/oauth2/v3/userinfo':
      return handleUserinfo(parts, exchange)
    case '/oauth2/v3/certs':
      return handleCerts(parts, exchange, 'jwks')
    case '/oauth2/v1/certs':
      return handleCerts(parts, exchange, 'certificates')
    case '/.well-known/openid-configuration':
      return handleDiscovery(parts, exchange)
  }
  const picture = /^\/a\/(\d+)$/.exec(pathname)?.[1]
  if (picture !== undefined) return handlePicture(parts, exchange, picture)
  return driveErrorReply(404, 'notFound', 'Not Found')
}

/** OAuth endpoints, the API and the upload servers each refuse in their own manner. */
function faultReply(
  exchange: Exchange,
  status: number,
  reason: string | undefined,
  message: string | undefined,
): Reply {
  const { pathname } = exchange.url
  if (pathname.startsWith('/drive/')) return driveErrorReply(status, reason, message)
  if (pathname.startsWith('/upload/')) {
    // 5xx of the upload servers are plain text, their refusals are the API's.
    if (status >= 500) return new UploadProtocolError(status, message ?? 'Backend Error').toReply()
    return driveErrorReply(status, reason, message)
  }
  const fallback = status === 400 ? 'invalid_grant' : status >= 500 ? 'internal_failure' : 'error'
  return oauthErrorReply(status, reason ?? fallback, message)
}

function controlledGoogle(parts: Parts): ControlledProvider {
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
        id: account.sub,
        quota: { usedBytes: usedBytes(account), totalBytes: account.totalBytes ?? null },
      })),
    createAccount({ email, name, quota }) {
      parts.accounts.create(email, name ?? email.split('@')[0] ?? email)
      if (quota) parts.accounts.setQuota(find(email), quota)
    },
    revoke: (email) => parts.oauth.revokeEverything(find(email).sub),
    expireTokens: (email) => parts.oauth.expireAccessTokens(find(email).sub),
    setQuota: (email, quota) => parts.accounts.setQuota(find(email), quota),
    files: (email) =>
      parts.files.list(find(email).sub).flatMap((file) => {
        if (!file.content) return []
        const { size, sha256, md5 } = file.content
        const { id, name, trashed } = file
        const path = parts.files.path(file)
        return [{ id, account: email, name, path, size, sha256, md5, trashed }]
      }),
  }
}

function removeOrphanedBlobs({ sessions, database }: Parts): void {
  sessions.removeExpired()
  const rows = database.all(
    'SELECT blob FROM files WHERE blob IS NOT NULL UNION SELECT blob FROM sessions',
  )
  database.removeOrphanedBlobs(new Set(rows.map((row) => row['blob'])))
}
