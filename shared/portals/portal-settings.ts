/** What an owner asks for, laid over what a portal is. */
import type { PortalSettings } from '../contract/portals.ts'
import { PortageError } from '../errors.ts'
import { isoTime } from '../platform/clock.ts'
import { parseRelativePath } from '../providers/names.ts'
import type { Portal } from './portal.ts'
import { hashPassword } from './portal-password.ts'

/** The members of a portal that its settings make up. */
type Settings = Pick<
  Portal,
  | 'fields'
  | 'instructions'
  | 'allowedTypes'
  | 'maxFileBytes'
  | 'maxFiles'
  | 'maxTotalBytes'
  | 'deadline'
  | 'graceMinutes'
  | 'clientFolders'
  | 'storageFolderPath'
  | 'backupStorageAccountIds'
  | 'passwordHash'
  | 'passwordVersion'
>

export const DEFAULT_SETTINGS: Settings = {
  fields: { clientName: 'optional', clientEmail: 'optional', clientMessage: 'optional' },
  instructions: null,
  allowedTypes: [],
  maxFileBytes: null,
  maxFiles: null,
  maxTotalBytes: null,
  deadline: null,
  graceMinutes: 0,
  clientFolders: false,
  storageFolderPath: null,
  backupStorageAccountIds: [],
  passwordHash: null,
  passwordVersion: 1,
}

/** The settings of one portal, to begin another with. */
export function settingsOf(portal: Portal): Settings {
  const names = Object.keys(DEFAULT_SETTINGS) as (keyof Settings)[]
  return Object.fromEntries(names.map((name) => [name, portal[name]])) as unknown as Settings
}

/** What is asked for over what was; what is absent stays. */
export async function mergeSettings(before: Settings, asked: PortalSettings): Promise<Settings> {
  const { instructions, maxFileBytes, maxFiles, maxTotalBytes } = asked
  return {
    fields: mergeFields(before.fields, asked),
    instructions: instructions === undefined ? before.instructions : instructions || null,
    allowedTypes: asked.allowedTypes ? [...new Set(asked.allowedTypes)] : before.allowedTypes,
    maxFileBytes: maxFileBytes === undefined ? before.maxFileBytes : maxFileBytes,
    maxFiles: maxFiles === undefined ? before.maxFiles : maxFiles,
    maxTotalBytes: maxTotalBytes === undefined ? before.maxTotalBytes : maxTotalBytes,
    deadline: mergeDeadline(before.deadline, asked.deadline),
    graceMinutes: asked.graceMinutes ?? before.graceMinutes,
    clientFolders: asked.clientFolders ?? before.clientFolders,
    storageFolderPath: mergeFolder(before.storageFolderPath, asked.storageFolderPath),
    backupStorageAccountIds: asked.backupStorageAccountIds ?? before.backupStorageAccountIds,
    ...(await mergePassword(before, asked.password)),
  }
}

/** The printed flags stand for the ends of the three-valued rules. */
function mergeFields(before: Portal['fields'], asked: PortalSettings): Portal['fields'] {
  const fromFlag = (flag: boolean | undefined, rule: Portal['fields']['clientName']) => {
    if (flag === undefined) return rule
    if (flag) return 'required'
    return rule === 'required' ? 'optional' : rule
  }
  const { clientName, clientEmail, clientMessage } = asked.fields ?? {}
  return {
    clientName: clientName ?? fromFlag(asked.requireClientName, before.clientName),
    clientEmail: clientEmail ?? fromFlag(asked.requireClientEmail, before.clientEmail),
    clientMessage: clientMessage ?? before.clientMessage,
  }
}

function mergeDeadline(before: string | null, asked: string | null | undefined): string | null {
  if (asked === undefined) return before
  return asked === null ? null : isoTime(Date.parse(asked))
}

function mergeFolder(before: string | null, asked: string | null | undefined): string | null {
  if (asked === undefined) return before
  if (asked === null) return null
  const path = parseRelativePath(asked.replace(/\/+$/, ''))
  if (!path.ok) {
    const message = FOLDER_PROBLEM[path.reason]
    throw new PortageError('INVALID_REQUEST', `storageFolderPath ${message}.`, {
      fields: [{ field: 'storageFolderPath', message }],
    })
  }
  return [...path.folders, path.name].join('/')
}

const FOLDER_PROBLEM = {
  EMPTY: 'must name a folder',
  ABSOLUTE: 'must not begin with a slash',
  DOT_SEGMENT: 'must not hold . or ..',
  TOO_DEEP: 'has too many levels',
} as const

async function mergePassword(
  before: Pick<Settings, 'passwordHash' | 'passwordVersion'>,
  asked: string | null | undefined,
): Promise<Pick<Settings, 'passwordHash' | 'passwordVersion'>> {
  const { passwordHash, passwordVersion } = before
  if (asked === undefined) return { passwordHash, passwordVersion }
  return {
    passwordHash: asked === null ? null : await hashPassword(asked),
    passwordVersion: passwordVersion + 1,
  }
}
