/** What the Drive endpoints share, and the steps that several of them take. */
import type { EmulatorParts } from '../emulator.ts'
import { type Exchange, jsonReply, type Reply } from '../exchange.ts'
import { rootIdOf } from './account-ids.ts'
import type { Caller } from './drive-access.ts'
import { DriveError, fileNotFound, idInUse } from './drive-error.ts'
import {
  DEFAULT_FILE_FIELDS,
  type DriveFile,
  FILE_FIELDS,
  type FileContent,
  FOLDER_TYPE,
  fileResource,
  GOOGLE_TYPE_PREFIX,
} from './drive-file.ts'
import type { DriveIds } from './drive-ids.ts'
import { filterFields } from './fields-filter.ts'
import { type FileMetadata, mergeProperties } from './file-metadata.ts'
import type { FileStore } from './file-store.ts'
import type { SessionStore } from './session-store.ts'

export interface DriveParts extends EmulatorParts {
  files: FileStore
  ids: DriveIds
  sessions: SessionStore
}

/** The file with this id as far as the caller may see it; others are not found. */
export function visibleFile(parts: DriveParts, caller: Caller, id: string): DriveFile {
  const { account } = caller
  if (id === 'root' || id === rootIdOf(account)) {
    // drive.file does not reach the root folder itself, only the alias as a parent.
    if (!caller.seesEverything) throw fileNotFound(id)
    return rootFolder(caller)
  }
  const file = parts.files.find(account.id, id)
  if (!file || !isVisible(caller, file)) throw fileNotFound(id)
  return file
}

export function isVisible(caller: Caller, file: DriveFile): boolean {
  return caller.seesEverything || file.clientId === caller.clientId
}

/** The file as `visibleFile` gives it, unless it is the root, which nobody can change. */
export function writableFile(parts: DriveParts, caller: Caller, id: string): DriveFile {
  const file = visibleFile(parts, caller, id)
  if (file.id === rootIdOf(caller.account)) {
    throw new DriveError(
      403,
      'insufficientFilePermissions',
      'The user does not have sufficient permissions for this file.',
    )
  }
  return file
}

/** The folder that a file is to lie in: it exists, is seen by the caller and is a folder. */
export function parentFolder(
  parts: DriveParts,
  caller: Caller,
  id: string | undefined,
): { id: string; trashed: boolean } {
  const rootId = rootIdOf(caller.account)
  if (id === undefined || id === 'root' || id === rootId) return { id: rootId, trashed: false }
  const folder = visibleFile(parts, caller, id)
  if (folder.mimeType !== FOLDER_TYPE) throw fileNotFound(id)
  return folder
}

/** The id for a new file: the given one when it was reserved and is free. */
export function newFileId(
  parts: DriveParts,
  caller: Caller,
  metadata: FileMetadata,
  checkFree: boolean,
): string {
  const { id, mimeType } = metadata
  if (mimeType?.startsWith(GOOGLE_TYPE_PREFIX) && mimeType !== FOLDER_TYPE) {
    if (id === undefined) {
      throw new DriveError(501, 'notImplemented', `The emulator does not keep ${mimeType}.`)
    }
    throw new DriveError(
      403,
      'forbidden',
      'Generated IDs are not supported for Docs Editors formats.',
    )
  }
  if (id === undefined) return parts.ids.generate(caller.account.id)
  if (!parts.ids.isReserved(caller.account.id, id)) {
    throw new DriveError(400, 'invalid', 'The provided file ID is not usable.')
  }
  if (checkFree && parts.files.exists(id)) throw idInUse()
  return id
}

interface NewFile {
  id: string
  metadata: FileMetadata
  mimeType: string
  content: FileContent | undefined
}

/** Makes the file in its folder; throws what Drive would refuse. */
export function createFile(
  parts: DriveParts,
  caller: Caller,
  wanted: NewFile,
  also?: () => void,
): DriveFile {
  const { metadata, id, mimeType, content } = wanted
  const parent = parentFolder(parts, caller, metadata.parents?.[0])
  const now = parts.clock.now()
  const appProperties = mergeProperties({}, metadata.appProperties)
  const file: DriveFile = {
    id,
    accountId: caller.account.id,
    clientId: caller.clientId,
    parentId: parent.id,
    name: metadata.name ?? 'Untitled',
    mimeType,
    content,
    description: metadata.description,
    starred: metadata.starred ?? false,
    trashed: parent.trashed,
    explicitlyTrashed: false,
    properties: mergeProperties({}, metadata.properties),
    appProperties: metadata.appProperties ? { [caller.clientId]: appProperties } : {},
    createdMs: metadata.createdTime ?? now,
    modifiedMs: metadata.modifiedTime ?? now,
    revision: content && parts.files.newBlob(),
    version: 1,
  }
  parts.files.create(file, also)
  return file
}

export const FILE_LEVEL = { names: FILE_FIELDS }

export function fileReply(caller: Caller, file: DriveFile, fields: string | undefined): Reply {
  const resource = fileResource(file, resourceContext(caller))
  return jsonReply(200, filterFields(resource, fields || DEFAULT_FILE_FIELDS, FILE_LEVEL))
}

export function resourceContext(caller: Caller) {
  const { email, name } = caller.account
  return { clientId: caller.clientId, ownerEmail: email, ownerName: name }
}

/** The `fields` of the request, checked before anything takes effect. */
export function wantedFields(exchange: Exchange): string | undefined {
  const fields = exchange.url.searchParams.get('fields') ?? undefined
  if (fields) filterFields({}, fields, FILE_LEVEL)
  return fields
}

export function rootFolder(caller: Caller): DriveFile {
  return {
    id: rootIdOf(caller.account),
    accountId: caller.account.id,
    clientId: '',
    parentId: '',
    name: 'My Drive',
    mimeType: FOLDER_TYPE,
    content: undefined,
    description: undefined,
    starred: false,
    trashed: false,
    explicitlyTrashed: false,
    properties: {},
    appProperties: {},
    createdMs: 0,
    modifiedMs: 0,
    revision: undefined,
    version: 1,
  }
}
