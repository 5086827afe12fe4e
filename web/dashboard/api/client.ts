/** The API as the dashboard uses it: one function per endpoint; it fails with `ApiProblem` or `Unreachable`. */
import type {
  AccountsReply,
  DeactivateReply,
  FixAccountsReply,
  ReactivateReply,
  SyncReply,
} from '../../../shared/contract/accounts.ts'
import type { ProvidersReply, SessionReply } from '../../../shared/contract/auth.ts'
import type { OauthProviderId } from '../../../shared/contract/common.ts'
import type { EventEntry, EventsReply } from '../../../shared/contract/events.ts'
import type {
  CreatePortalRequest,
  DeletePortalReply,
  PortalReply,
  UpdatePortalRequest,
} from '../../../shared/contract/portals.ts'
import type {
  NotificationsReply,
  NotificationsRequest,
  ProfileReply,
  ProfileRequest,
} from '../../../shared/contract/settings.ts'
import type {
  DeleteUploadReply,
  EraseClientReply,
  EraseClientRequest,
  PreparingReply,
  UploadReply,
  UploadsReply,
} from '../../../shared/contract/uploads.ts'
import { ApiProblem, parseProblem } from '../../common/api-problem.ts'
import { Unreachable } from './explain-problem.ts'

/** As many as one page may have: files name their portals by these. */
const MOST_PORTALS = '100'

interface Page<Entry> {
  entries: Entry[]
  nextCursor: string | null
}

/** Who is signed in; null for nobody. */
export async function getSession(signal?: AbortSignal): Promise<SessionReply['user'] | null> {
  try {
    const { user } = await callJson<SessionReply>('/api/auth/session', { signal })
    return user
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) return null
    throw error
  }
}

/** Providers with whom people can sign in and connect here. */
export async function listProviders(signal?: AbortSignal): Promise<ProvidersReply['providers']> {
  const { providers } = await callJson<ProvidersReply>('/api/auth/providers', { signal })
  return providers
}

export async function signOut(): Promise<void> {
  await call('/api/auth/logout', { method: 'POST' })
}

export async function listAccounts(signal?: AbortSignal): Promise<AccountsReply['accounts']> {
  const { accounts } = await callJson<AccountsReply>('/api/storage/accounts', { signal })
  return accounts
}

export async function deactivateAccount(storageAccountId: string): Promise<DeactivateReply> {
  return callJson('/api/storage/deactivate', post({ storageAccountId }))
}

export async function disconnectAccount(storageAccountId: string): Promise<DeactivateReply> {
  return callJson('/api/storage/disconnect', post({ storageAccountId }))
}

/** Makes accounts that are missing, and tries those that could work. */
export async function fixAccounts(): Promise<FixAccountsReply['summary']> {
  const { summary } = await callJson<FixAccountsReply>('/api/storage/fix-accounts', post({}))
  return summary
}

/** Asks the providers about every account. */
export async function syncOauthStatus(): Promise<SyncReply['summary']> {
  const { summary } = await callJson<SyncReply>('/api/storage/sync-oauth-status', post({}))
  return summary
}

export async function reactivateAccount(storageAccountId: string): Promise<ReactivateReply> {
  return callJson('/api/storage/reactivate', post({ storageAccountId }))
}

export async function listPortals(
  cursor?: string,
  signal?: AbortSignal,
): Promise<Page<PortalReply>> {
  const reply = await call(withQuery('/api/portals', { cursor, limit: MOST_PORTALS }), { signal })
  return { entries: await readJson<PortalReply[]>(reply), nextCursor: nextCursor(reply) }
}

export async function createPortal(request: CreatePortalRequest): Promise<PortalReply> {
  return callJson('/api/portals', post(request))
}

export async function getPortal(portalId: string, signal?: AbortSignal): Promise<PortalReply> {
  return callJson(portalPath(portalId), { signal })
}

/** Changes the version of a portal that its owner has seen; another one is refused with `VERSION_STALE`. */
export async function updatePortal(
  { id, version }: Pick<PortalReply, 'id' | 'version'>,
  changes: UpdatePortalRequest,
): Promise<PortalReply> {
  return callJson(portalPath(id), {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'if-match': `"${version}"` },
    body: JSON.stringify(changes),
  })
}

export async function deletePortal(portalId: string): Promise<DeletePortalReply> {
  return callJson(portalPath(portalId), { method: 'DELETE' })
}

function portalPath(portalId: string): string {
  return `/api/portals/${encodeURIComponent(portalId)}`
}

export async function listUploads(
  query: Record<string, string | undefined>,
  signal?: AbortSignal,
): Promise<Page<UploadReply>> {
  const reply = await call(withQuery('/api/v1/uploads', query), { signal })
  const { uploads } = await readJson<UploadsReply>(reply)
  return { entries: uploads, nextCursor: nextCursor(reply) }
}

export async function getUpload(uploadId: string, signal?: AbortSignal): Promise<UploadReply> {
  return callJson(`/api/uploads/${encodeURIComponent(uploadId)}`, { signal })
}

/** With `recordOnly` the file stays where it is and is forgotten here. */
export async function deleteUpload(
  uploadId: string,
  recordOnly: boolean,
): Promise<DeleteUploadReply> {
  const path = `/api/uploads/${encodeURIComponent(uploadId)}`
  return callJson(withQuery(path, { recordOnly: recordOnly ? 'true' : undefined }), {
    method: 'DELETE',
  })
}

/** Forgets who a client is, as far as one call comes. */
export async function eraseClient(request: EraseClientRequest): Promise<EraseClientReply> {
  return callJson('/api/clients/erase', post(request))
}

/** Has a file that waits delivered now. */
export async function retryUpload(uploadId: string): Promise<UploadReply> {
  return callJson(`/api/uploads/${encodeURIComponent(uploadId)}/retry`, post({}))
}

export async function listEvents(
  query: Record<string, string | undefined>,
  signal?: AbortSignal,
): Promise<Page<EventEntry>> {
  const reply = await call(withQuery('/api/events', query), { signal })
  const { events } = await readJson<EventsReply>(reply)
  return { entries: events, nextCursor: nextCursor(reply) }
}

export async function getProfile(signal?: AbortSignal): Promise<ProfileReply> {
  return callJson('/api/settings/profile', { signal })
}

export async function putProfile(request: ProfileRequest): Promise<ProfileReply> {
  return callJson('/api/settings/profile', { ...post(request), method: 'PUT' })
}

export async function getNotifications(signal?: AbortSignal): Promise<NotificationsReply> {
  return callJson('/api/settings/notifications', { signal })
}

export async function putNotifications(request: NotificationsRequest): Promise<NotificationsReply> {
  return callJson('/api/settings/notifications', { ...post(request), method: 'PUT' })
}

export type DownloadReply =
  | { kind: 'bytes'; blob: Blob }
  | { kind: 'elsewhere' }
  | { kind: 'preparing'; retryAfterSeconds: number }

/** Asks for a file. A redirect is not followed: the bytes behind it are the browser's to save, not ours to hold. */
export async function requestDownload(
  uploadId: string,
  signal?: AbortSignal,
): Promise<DownloadReply> {
  const reply = await call(downloadPath(uploadId), { redirect: 'manual', signal })
  if (reply.type === 'opaqueredirect') return { kind: 'elsewhere' }
  if (reply.status === 202) {
    const { retryAfterSeconds } = await readJson<PreparingReply>(reply)
    return { kind: 'preparing', retryAfterSeconds }
  }
  return { kind: 'bytes', blob: await reply.blob() }
}

export function downloadPath(uploadId: string): string {
  return `/api/uploads/${encodeURIComponent(uploadId)}/download`
}

/** Where the browser goes to sign in; it comes back to `returnTo`. */
export function signInPath(returnTo: string, provider: OauthProviderId): string {
  return withQuery(`/api/auth/login/${provider}`, { returnTo })
}

/**
 * Where the browser goes to connect storage, once more or for the first time. The page that it comes
 * back to is told with whom.
 */
export function connectPath(returnTo: string, provider: OauthProviderId): string {
  const back = `${returnTo}${returnTo.includes('?') ? '&' : '?'}provider=${provider}`
  return withQuery(`/api/oauth/${provider}/start`, { returnTo: back })
}

function withQuery(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

function post(body: unknown): CallOptions {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}

type CallOptions = Omit<RequestInit, 'signal'> & { signal?: AbortSignal | undefined }

async function call(path: string, { signal, ...init }: CallOptions = {}): Promise<Response> {
  let reply: Response
  try {
    reply = await fetch(path, {
      ...init,
      signal: signal ?? null,
      headers: { accept: 'application/json', ...init.headers },
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Unreachable('The API did not answer', { cause: error })
  }
  if (reply.ok || reply.type === 'opaqueredirect') return reply
  throw parseProblem(reply.status, await reply.text())
}

async function callJson<Reply>(path: string, options?: CallOptions): Promise<Reply> {
  return readJson(await call(path, options))
}

async function readJson<Reply>(reply: Response): Promise<Reply> {
  try {
    return (await reply.json()) as Reply
  } catch {
    // The connection broke in the middle of the body, or something else than the API answered.
    throw new ApiProblem(reply.status, {})
  }
}

function nextCursor(reply: Response): string | null {
  return reply.headers.get('x-next-cursor')
}
