/**
 * Google on one machine: sign-in (OAuth 2 with PKCE, OpenID Connect), Drive v3 with every kind of
 * upload, a page that shows what was delivered, and the control API.
 *
 * Obeys the wire behaviour of the real services as their documentation and clients describe it;
 * sources stand beside the rules. All Google hosts are one origin here; behind a TLS proxy the
 * real host names are served too. Files on disk: `<dataDir>/google/google.sqlite` (accounts,
 * grants, metadata, sessions) and `<dataDir>/google/blobs/` (content). Both survive `kill -9`.
 *
 * Known gaps: `scope` is given back as it was asked for (Google spells `email` and `profile` as
 * addresses); `/oauth2/v1/certs` serves public keys, not certificates; no shared drives, Docs
 * formats, permissions, comments, changes or batch; no request quotas but those of faults.
 */
import { readdirSync } from 'node:fs'
import type { Clock } from '../../clock.ts'
import type { ControlledProvider } from '../control-api.ts'
import { type Exchange, jsonReply, type Reply } from '../exchange.ts'
import { FaultPlan } from '../fault-plan.ts'
import { createProviderServer, type ProviderServer } from '../provider-server.ts'
import { RequestLog } from '../request-log.ts'
import { type Account, AccountStore, usedBytes } from './account-store.ts'
import { handleAuthorize, type OAuthClient } from './authorize.ts'
import { DriveError, driveErrorReply, UploadProtocolError } from './drive-error.ts'
import {
  about,
  createFromMetadata,
  deleteFile,
  emptyTrash,
  generateIds,
  getFile,
  listFiles,
  updateMetadata,
} from './drive-files.ts'
import { DriveIds } from './drive-ids.ts'
import type { DriveParts } from './drive-parts.ts'
import { FileStore } from './file-store.ts'
import { GoogleDatabase } from './google-database.ts'
import {
  handleCerts,
  handleDiscovery,
  handlePicture,
  handleUserinfo,
  type IdentityParts,
} from './identity.ts'
import { OAuthError, oauthErrorReply } from './oauth-error.ts'
import { OAuthStore } from './oauth-store.ts'
import { LATE_CONFLICT } from './resumable.ts'
import { SessionStore } from './session-store.ts'
import { SigningKey } from './signing-key.ts'
import { handleRevoke, handleToken, handleTokenInfo, type TokenParts } from './token-endpoint.ts'
import { handleUpload } from './upload-endpoint.ts'

export const GOOGLE_HOSTS = [
  'www.googleapis.com',
  'oauth2.googleapis.com',
  'accounts.google.com',
  'openidconnect.googleapis.com',
]

interface GoogleEmulatorOptions {
  dataDir: string
  clock: Clock
  /** Origin under which clients know the emulator, and `iss` of its tokens; the address of `listen` when absent. */
  publicUrl?: string
}

export interface GoogleEmulator extends ProviderServer {
  /** Makes the client known, or changes it. Consents and tokens survive restarts; clients are registered at each start. */
  registerClient(client: OAuthClient): void
}

type Parts = DriveParts & TokenParts & IdentityParts

export function createGoogleEmulator(options: GoogleEmulatorOptions): GoogleEmulator {
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
  const upload = /^\/upload\/drive\/v3\/files(?:\/([^/]+))?$/.exec(pathname)
  if (upload) return await handleUpload(parts, exchange, upload[1])
  if (pathname.startsWith('/drive/v3/')) return await routeDrive(parts, exchange)
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
      return handleCerts(parts, exchange, false)
    case '/oauth2/v1/certs':
      return handleCerts(parts, exchange, true)
    case '/.well-known/openid-configuration':
      return handleDiscovery(parts, exchange)
  }
  const picture = /^\/a\/(\d+)$/.exec(pathname)?.[1]
  if (picture !== undefined) return handlePicture(parts, picture)
  return jsonReply(404, { error: { code: 404, message: 'Not Found' } })
}

async function routeDrive(parts: Parts, exchange: Exchange): Promise<Reply> {
  const { method, url } = exchange
  const path = url.pathname.slice('/drive/v3/'.length)
  const id = /^files\/([^/]+)$/.exec(path)?.[1]
  if (method === 'GET') {
    if (path === 'about') return about(parts, exchange)
    if (path === 'files') return listFiles(parts, exchange)
    if (id === 'generateIds') return generateIds(parts, exchange)
    if (id !== undefined) return getFile(parts, exchange, id)
  }
  if (method === 'POST' && path === 'files') return await createFromMetadata(parts, exchange)
  if (method === 'PATCH' && id !== undefined) return await updateMetadata(parts, exchange, id)
  if (method === 'DELETE' && id === 'trash') return emptyTrash(parts, exchange)
  if (method === 'DELETE' && id !== undefined) return deleteFile(parts, exchange, id)
  return jsonReply(404, { error: { code: 404, message: 'Not Found' } })
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

/** A process that was killed between bytes and row leaves a blob that nothing names. */
function removeOrphanedBlobs(parts: Parts): void {
  parts.sessions.removeExpired()
  const named = new Set(
    parts.database
      .all('SELECT blob FROM files WHERE blob IS NOT NULL UNION SELECT blob FROM sessions')
      .map((row) => row['blob']),
  )
  for (const blob of readdirSync(parts.database.blobDir)) {
    if (!named.has(blob)) parts.files.removeBlob(blob)
  }
}
