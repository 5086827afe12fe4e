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
import { handleAuthorize } from '../authorize.ts'
import {
  createEmulator,
  type Emulator,
  type EmulatorDefinition,
  type EmulatorOptions,
} from '../emulator.ts'
import type { Exchange, Reply } from '../exchange.ts'
import type { Fault } from '../fault-plan.ts'
import { OAuthError, oauthErrorReply } from '../oauth-error.ts'
import { handleToken } from '../token-endpoint.ts'
import { googleIdOf } from './account-ids.ts'
import { GOOGLE_AUTHORIZE } from './authorize.ts'
import { DriveError, driveErrorReply, UploadProtocolError } from './drive-error.ts'
import { DriveIds } from './drive-ids.ts'
import type { DriveParts } from './drive-parts.ts'
import { routeDrive } from './drive-routes.ts'
import { FileStore } from './file-store.ts'
import { handleCerts, handleDiscovery, handlePicture, handleUserinfo } from './identity.ts'
import { brokenRules } from './request-rules.ts'
import { LATE_CONFLICT } from './resumable.ts'
import { DRIVE_SCHEMA } from './schema.ts'
import { SessionStore } from './session-store.ts'
import { GOOGLE_TOKEN_ENDPOINT, GOOGLE_TOKENS, handleRevoke, handleTokenInfo } from './tokens.ts'

export const GOOGLE_HOSTS = [
  'www.googleapis.com',
  'oauth2.googleapis.com',
  'accounts.google.com',
  'openidconnect.googleapis.com',
]

export function createGoogleEmulator(options: EmulatorOptions): Emulator {
  return createEmulator(GOOGLE, options)
}

const GOOGLE: EmulatorDefinition<DriveParts> = {
  id: 'google',
  name: 'Google',
  hosts: GOOGLE_HOSTS,
  schema: DRIVE_SCHEMA,
  contentTables: ['files', 'sessions'],
  tokens: GOOGLE_TOKENS,
  accountId: googleIdOf,
  parts(common) {
    const { database, clock, accounts } = common
    const sessions = new SessionStore(database, clock)
    sessions.removeExpired()
    const files = new FileStore(database, accounts)
    return { ...common, files, sessions, ids: new DriveIds(database) }
  },
  faults: [LATE_CONFLICT],
  answer,
  brokenRules,
  faultReply,
  files: ({ files }, account) =>
    files.list(account.id).flatMap((file) => {
      if (!file.content) return []
      const { size, sha256, md5 } = file.content
      const { id, name, trashed } = file
      return [{ id, name, path: files.path(file), size, sha256, md5, trashed }]
    }),
}

async function answer(parts: DriveParts, exchange: Exchange): Promise<Reply> {
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

async function route(parts: DriveParts, exchange: Exchange): Promise<Reply> {
  const { pathname } = exchange.url
  if (/^\/((upload\/)?drive\/v3|batch)(\/|$)/.test(pathname)) {
    return await routeDrive(parts, exchange)
  }
  switch (pathname) {
    case '/o/oauth2/v2/auth':
    case '/o/oauth2/auth':
      return await handleAuthorize(parts, GOOGLE_AUTHORIZE, exchange)
    case '/token':
    case '/oauth2/v4/token':
      return await handleToken(parts, GOOGLE_TOKEN_ENDPOINT, exchange)
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
  { message }: Fault,
  reason: string | undefined,
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
