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
import { randomUUID } from 'node:crypto'
import { handleAuthorize } from '../authorize.ts'
import { CHECKSUMS_SCHEMA, Checksums } from '../checksums.ts'
import {
  createEmulator,
  type Emulator,
  type EmulatorDefinition,
  type EmulatorOptions,
  type HeldFile,
} from '../emulator.ts'
import { type Exchange, type Reply, textReply } from '../exchange.ts'
import { OAuthError } from '../oauth-error.ts'
import { handleToken } from '../token-endpoint.ts'
import { dropboxIdOf } from './account-ids.ts'
import type { ApiParts } from './api-call.ts'
import { routeApi } from './api-routes.ts'
import { DROPBOX_AUTHORIZE } from './authorize.ts'
import { followLink, isTemporaryLink } from './download.ts'
import { BadInputError, DropboxError, rateLimitReply } from './dropbox-error.ts'
import { EntryStore } from './entry-store.ts'
import { faultReply } from './fault-reply.ts'
import { ENTRIES_BUSY } from './finish.ts'
import { handleDiscovery, handleKeys } from './identity.ts'
import { NamespaceLock, NamespaceLockedError } from './namespace-lock.ts'
import { fileName } from './paths.ts'
import { PartialContentError } from './receive.ts'
import { brokenRules } from './request-rules.ts'
import { DROPBOX_SCHEMA } from './schema.ts'
import { SessionStore } from './session-store.ts'
import { DROPBOX_TOKEN_ENDPOINT, DROPBOX_TOKENS } from './tokens.ts'

export const DROPBOX_HOSTS = [
  'api.dropboxapi.com',
  'content.dropboxapi.com',
  'notify.dropboxapi.com',
  'api.dropbox.com',
  'www.dropbox.com',
  'dl.dropboxusercontent.com',
]

export function createDropboxEmulator(options: EmulatorOptions): Emulator {
  return createEmulator(DROPBOX, options)
}

const DROPBOX: EmulatorDefinition<ApiParts> = {
  id: 'dropbox',
  name: 'Dropbox',
  hosts: DROPBOX_HOSTS,
  schema: DROPBOX_SCHEMA + CHECKSUMS_SCHEMA,
  contentTables: ['entries', 'sessions'],
  tokens: DROPBOX_TOKENS,
  accountId: dropboxIdOf,
  parts(common) {
    const { database, clock, accounts } = common
    const sessions = new SessionStore(database, clock)
    sessions.removeExpired()
    const checksums = new Checksums(database)
    const entries = new EntryStore(database, accounts, checksums)
    return { ...common, entries, sessions, checksums, lock: new NamespaceLock() }
  },
  faults: [ENTRIES_BUSY],
  answer,
  brokenRules,
  faultReply: (...refusal) => named(faultReply(...refusal)),
  async files({ entries, checksums }, account) {
    const files: HeldFile[] = []
    for (const { id, path, content } of entries.files(account.id)) {
      const told = await checksums.of(content)
      const { size } = content
      if (told) files.push({ id, name: fileName(path), path, size, ...told, trashed: false })
    }
    return files
  },
  settings: ({ lock }) => ({
    read: () => lock.settings,
    change: (input) => lock.change(input),
  }),
}

async function answer(parts: ApiParts, exchange: Exchange): Promise<Reply> {
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

async function route(parts: ApiParts, exchange: Exchange): Promise<Reply> {
  const { pathname } = exchange.url
  if (pathname.startsWith('/2/')) return await routeApi(parts, exchange)
  if (isTemporaryLink(exchange)) return followLink(parts, exchange)
  switch (pathname) {
    case '/oauth2/authorize':
    case '/1/oauth2/authorize':
      return await handleAuthorize(parts, DROPBOX_AUTHORIZE, exchange)
    case '/oauth2/token':
    case '/1/oauth2/token':
      return await handleToken(parts, DROPBOX_TOKEN_ENDPOINT, exchange)
    case '/.well-known/openid-configuration':
      return handleDiscovery(parts, exchange)
    case '/.well-known/jwks':
      return handleKeys(parts, exchange)
  }
  return textReply(404, 'Not found')
}
