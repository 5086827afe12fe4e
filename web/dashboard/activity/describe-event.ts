import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import type { EventEntry, EventType } from '../../../shared/contract/events.ts'
import type { UploadStatus } from '../../../shared/contract/uploads.ts'
import { describeLastError } from '../accounts/storage-status.ts'
import { describeUpload } from '../files/upload-status.ts'
import type { StatusColor } from '../shell/status-label.tsx'

interface EventWords {
  color: StatusColor
  /** What happened to the subject, which stands before it. */
  what: string
  why?: string
}

interface Names {
  /** What an owner knows an account by; undefined when there is no such account. */
  account: (id: string) => string | undefined
}

const STATUS: Record<StorageAccountStatus, { word: string; color: StatusColor }> = {
  ACTIVE: { word: 'active', color: 'green' },
  INACTIVE: { word: 'paused', color: 'yellow' },
  DISCONNECTED: { word: 'disconnected', color: 'red' },
  ERROR: { word: 'in error', color: 'orange' },
}

const CAUSES: Record<string, string> = {
  USER_DEACTIVATED: 'It was paused by hand.',
  USER_REACTIVATED: 'It was reactivated by hand, and the provider answered.',
  USER_DISCONNECTED: 'It was disconnected by hand.',
  RECONNECTED: 'It was connected once more.',
  PROBE_SUCCEEDED: 'The provider answers again.',
  PROBE_REFUSED: 'The provider no longer lets Portage in.',
  STORAGE_ACTIVE: 'Its storage account is active again.',
  STORAGE_INACTIVE: 'Its storage account was paused.',
  STORAGE_DISCONNECTED: 'Its storage account was disconnected.',
  STORAGE_ERROR: 'Its storage account does not answer.',
}

const SETTINGS: Record<string, string> = {
  name: 'name',
  slug: 'link',
  storageProvider: 'provider',
  storageAccountId: 'account',
  storageFolderPath: 'folder',
  storageFolderId: 'folder at the provider',
  backupStorageAccountIds: 'backup accounts',
  clientFolders: 'client folders',
  fields: 'what clients are asked',
  instructions: 'instructions',
  allowedTypes: 'kinds of files',
  maxFileBytes: 'largest file',
  maxFiles: 'number of files',
  maxTotalBytes: 'total size',
  deadline: 'deadline',
  graceMinutes: 'time after the deadline',
  passwordHash: 'password',
  locale: 'language',
  singleEmailPerProvider: 'one address per provider',
  newFiles: 'mails about new files',
  accountProblems: 'mails about accounts',
}
/** Follow from `isActive`, which is told as closing and opening. */
const QUIET = ['deactivatedBy', 'deactivatedAt', 'deactivationReason', 'autoDeactivatedAccountId']

const WORDS: Record<EventType, (event: EventEntry, names: Names) => EventWords> = {
  'user.created': () => ({ color: 'green', what: 'signed up' }),
  'account.connected': () => ({ color: 'green', what: 'was connected' }),
  'account.consented': () => ({
    color: 'blue',
    what: 'was given a new consent',
    why: 'It was connected once more while it was connected. Portage goes by the new consent.',
  }),
  'account.status-changed': ({ before, after, reason }) => {
    const to = statusOf(after)
    return {
      color: to?.color ?? 'grey',
      what: `went from ${statusOf(before)?.word ?? before ?? 'nothing'} to ${to?.word ?? after ?? 'nothing'}`,
      ...because(reason),
    }
  },
  'portal.created': () => ({ color: 'green', what: 'was created' }),
  'portal.updated': ({ reason }) => ({ color: 'blue', what: 'was changed', ...changed(reason) }),
  'portal.deleted': () => ({ color: 'grey', what: 'was deleted' }),
  'portal.deactivated': ({ reason }) => ({
    color: 'yellow',
    what: 'stopped taking files',
    ...because(reason),
  }),
  'portal.reactivated': ({ reason }) => ({
    color: 'green',
    what: 'takes files again',
    ...because(reason),
  }),
  'settings.updated': ({ reason }) => ({ color: 'blue', what: 'were changed', ...changed(reason) }),
  'upload.moved': ({ before, after }, names) => ({
    color: 'blue',
    what: `goes to ${place(after, names)} instead of ${place(before, names)}`,
  }),
  'upload.delivered': () => ({ color: 'green', what: 'was delivered and proved' }),
  'upload.retried': ({ reason }) => ({
    color: 'blue',
    what: 'was tried again at once',
    ...because(reason),
  }),
  'upload.expired': ({ reason }) => ({ color: 'grey', what: 'never arrived', ...because(reason) }),
  'upload.cancelled': () => ({ color: 'grey', what: 'was taken back before it had arrived' }),
  'upload.rejected': ({ reason }) => ({ color: 'red', what: 'was refused', ...because(reason) }),
  'upload.deleted': ({ before }) => ({
    color: 'grey',
    what: 'was deleted',
    ...(before === null
      ? {}
      : {
          why: `It was “${describeUpload({ status: before as UploadStatus, reason: null })?.label ?? before}” before.`,
        }),
  }),
  'client.erased': () => ({ color: 'grey', what: 'was erased, with all that they had told' }),
}

export function describeEvent(event: EventEntry, names: Names): EventWords {
  return WORDS[event.type](event, names)
}

/** Who did it. */
export function describeActor(actor: string, ownId: string | undefined): string {
  if (actor === 'client') return 'The client'
  if (!actor.startsWith('usr_')) return 'Portage, by itself'
  return actor === ownId ? 'You' : 'Another owner'
}

export type Subject = 'user' | 'account' | 'portal' | 'upload' | 'settings' | 'client'

export function subjectKind(type: EventType): Subject {
  const [kind] = type.split('.')
  return kind as Subject
}

/** Whether the entry is about a file that there may still be. */
export function hasFile(type: EventType): boolean {
  return subjectKind(type) === 'upload' && type !== 'upload.deleted' && type !== 'upload.cancelled'
}

function statusOf(status: string | null): { word: string; color: StatusColor } | undefined {
  return Object.entries(STATUS).find(([name]) => name === status)?.[1]
}

function because(reason: string | null): { why?: string } {
  if (reason === null) return {}
  return { why: CAUSES[reason] ?? uploadCause(reason) ?? describeLastError(reason) }
}

function uploadCause(reason: string): string | undefined {
  return describeUpload({ status: 'rejected', reason: reason as never }).explanation
}

function changed(names: string | null): { why?: string } {
  const words = (names ?? '')
    .split(',')
    .filter((name) => name !== '' && !QUIET.includes(name))
    .map((name) => (name === 'isActive' ? 'whether it takes files' : (SETTINGS[name] ?? name)))
  return words.length === 0 ? {} : { why: `Changed: ${[...new Set(words)].join(', ')}.` }
}

function place(accountId: string | null, names: Names): string {
  return (accountId !== null && names.account(accountId)) || 'another account'
}
