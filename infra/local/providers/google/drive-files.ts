/** `/drive/v3/files` and `/drive/v3/about`: metadata, lists, downloads, deletion. */
import { usedBytes } from '../account-store.ts'
import { type Exchange, jsonReply, type Reply, readText } from '../exchange.ts'
import { rootIdOf } from './account-ids.ts'
import { ContentHash } from './content-hash.ts'
import { downloadReply } from './download.ts'
import { authenticate, type Caller } from './drive-access.ts'
import { DriveError, invalidValue } from './drive-error.ts'
import { type DriveFile, fileResource, GOOGLE_TYPE_PREFIX } from './drive-file.ts'
import {
  createFile,
  type DriveParts,
  FILE_LEVEL,
  fileReply,
  isVisible,
  newFileId,
  parentFolder,
  resourceContext,
  rootFolder,
  visibleFile,
  wantedFields,
  writableFile,
} from './drive-parts.ts'
import { filterFields } from './fields-filter.ts'
import { type FileMetadata, mergeProperties, parseMetadata } from './file-metadata.ts'
import { checkQuery, fileOrder, matches, requiredParent } from './query-match.ts'
import { parseQuery } from './query-parser.ts'

const MAX_PAGE_SIZE = 1000
const MAX_GENERATED_IDS = 1000
/** "Maximum file size: 5,120 GB" */
const MAX_UPLOAD_BYTES = 5120 * 10 ** 9

const LIST_LEVEL = {
  names: new Set(['kind', 'nextPageToken', 'incompleteSearch', 'files']),
  below: { files: FILE_LEVEL },
}
const ABOUT_LEVEL = {
  names: new Set([
    'kind',
    'user',
    'storageQuota',
    'importFormats',
    'exportFormats',
    'maxImportSizes',
    'maxUploadSize',
    'appInstalled',
    'folderColorPalette',
    'driveThemes',
    'teamDriveThemes',
    'canCreateDrives',
    'canCreateTeamDrives',
  ]),
}

export function about(parts: DriveParts, exchange: Exchange): Reply {
  const { account } = authenticate(parts, exchange, 'metadata')
  const fields = exchange.url.searchParams.get('fields')
  if (!fields) {
    throw new DriveError(400, 'required', "The 'fields' parameter is required for this method.", {
      location: 'fields',
      locationType: 'parameter',
    })
  }
  const whole = {
    kind: 'drive#about',
    user: {
      kind: 'drive#user',
      displayName: account.name,
      me: true,
      permissionId: account.id,
      emailAddress: account.email,
    },
    storageQuota: {
      ...(account.totalBytes === undefined ? {} : { limit: String(account.totalBytes) }),
      usage: String(usedBytes(account)),
      usageInDrive: String(account.fileBytes),
      usageInDriveTrash: String(parts.files.trashedBytes(account.id)),
    },
    importFormats: {},
    exportFormats: {},
    maxUploadSize: String(MAX_UPLOAD_BYTES),
    appInstalled: false,
    canCreateDrives: false,
  }
  return jsonReply(200, filterFields(whole, fields, ABOUT_LEVEL))
}

export function generateIds(parts: DriveParts, exchange: Exchange): Reply {
  const { account } = authenticate(parts, exchange, 'write')
  const count = integerParameter(exchange, 'count', 10, MAX_GENERATED_IDS)
  const ids = Array.from({ length: count }, () => parts.ids.generate(account.id))
  const fields = exchange.url.searchParams.get('fields') ?? '*'
  const whole = { kind: 'drive#generatedIds', space: 'drive', ids }
  return jsonReply(200, filterFields(whole, fields, { names: new Set(['kind', 'space', 'ids']) }))
}

export function listFiles(parts: DriveParts, exchange: Exchange): Reply {
  const caller = authenticate(parts, exchange, 'metadata')
  const { searchParams } = exchange.url
  refuseSharedDrives(searchParams)
  const pageSize = wantedPageSize(exchange)
  const start = pageStart(searchParams.get('pageToken'))
  const found = search(parts, caller, searchParams.get('q') ?? '')
  const orderBy = searchParams.get('orderBy')
  if (orderBy) found.sort(fileOrder(orderBy))

  const page = found.slice(start, start + pageSize)
  const next = start + pageSize
  const context = resourceContext(caller)
  const whole = {
    kind: 'drive#fileList',
    incompleteSearch: false,
    ...(next < found.length ? { nextPageToken: pageToken(next) } : {}),
    files: page.map((file) => fileResource(file, context)),
  }
  const fields =
    searchParams.get('fields') || 'kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)'
  return jsonReply(200, filterFields(whole, fields, LIST_LEVEL))
}

/** No account has a shared drive, so none is found. */
function refuseSharedDrives(parameters: URLSearchParams): void {
  const driveId = parameters.get('driveId') ?? parameters.get('teamDriveId')
  if (driveId) {
    throw new DriveError(404, 'notFound', `Shared drive not found: ${driveId}`, {
      location: 'driveId',
      locationType: 'parameter',
    })
  }
  if (parameters.get('corpora') === 'drive') {
    throw new DriveError(400, 'required', 'The driveId parameter must be specified.', {
      location: 'driveId',
      locationType: 'parameter',
    })
  }
}

function search(parts: DriveParts, caller: Caller, q: string): DriveFile[] {
  const { account } = caller
  const context = {
    clientId: caller.clientId,
    ownerEmail: account.email,
    rootId: rootIdOf(account),
  }
  const query = q.trim() === '' ? undefined : parseQuery(q)
  if (query) checkQuery(query, rootFolder(caller), context)
  const parent = requiredParent(query)
  return parts.files
    .list(account.id, parent === 'root' ? rootIdOf(account) : parent)
    .filter((file) => isVisible(caller, file) && (!query || matches(query, file, context)))
}

/** A token says where the next page starts; it is opaque to clients. */
function pageToken(start: number): string {
  return `~!!~${Buffer.from(JSON.stringify({ start })).toString('base64url')}`
}

function pageStart(token: string | null): number {
  if (token === null || token === '') return 0
  const text = Buffer.from(token.slice(4), 'base64url').toString()
  const start = /^\{"start":(\d+)\}$/.exec(text)?.[1]
  if (!token.startsWith('~!!~') || start === undefined) throw invalidValue('pageToken')
  return Number(start)
}

export function getFile(parts: DriveParts, exchange: Exchange, id: string): Reply {
  const media = exchange.url.searchParams.get('alt') === 'media'
  if (media) exchange.operation = 'drive.files.download'
  const caller = authenticate(parts, exchange, media ? 'read' : 'metadata')
  const file = visibleFile(parts, caller, id)
  if (media) return downloadReply(parts, exchange, file)
  return fileReply(caller, file, wantedFields(exchange))
}

/** There are no Docs here, and of other files Google says the same. */
export function exportFile(parts: DriveParts, exchange: Exchange, id: string): Reply {
  visibleFile(parts, authenticate(parts, exchange, 'read'), id)
  throw new DriveError(403, 'fileNotExportable', 'Export only supports Docs Editors files.')
}

/** A file without content: a folder, or an empty file of any other type. */
export async function createFromMetadata(parts: DriveParts, exchange: Exchange): Promise<Reply> {
  const caller = authenticate(parts, exchange, 'write')
  const fields = wantedFields(exchange)
  const metadata = parseMetadata(await readText(exchange))
  const id = newFileId(parts, caller, metadata, true)
  const mimeType = metadata.mimeType ?? 'application/octet-stream'
  const content = mimeType.startsWith(GOOGLE_TYPE_PREFIX) ? undefined : emptyContent(parts)
  const file = createFile(parts, caller, { id, metadata, mimeType, content })
  return fileReply(caller, file, fields)
}

/** No blob is written for it: nothing is ever read from it. */
function emptyContent(parts: DriveParts) {
  return { blob: parts.files.newBlob(), size: 0, ...new ContentHash().digest() }
}

export async function updateMetadata(
  parts: DriveParts,
  exchange: Exchange,
  id: string,
): Promise<Reply> {
  const caller = authenticate(parts, exchange, 'write')
  const fields = wantedFields(exchange)
  const metadata = parseMetadata(await readText(exchange))
  const before = writableFile(parts, caller, id)
  const addParents = exchange.url.searchParams.get('addParents') ?? undefined
  const after = withMetadata(parts, caller, before, metadata, addParents)
  parts.files.update(after, before)
  return fileReply(caller, after, fields)
}

/** The file after a PATCH, not yet stored. */
export function withMetadata(
  parts: DriveParts,
  caller: Caller,
  file: DriveFile,
  metadata: FileMetadata,
  addParents: string | undefined,
): DriveFile {
  if (metadata.parents || (metadata.id !== undefined && metadata.id !== file.id)) {
    throw new DriveError(
      403,
      'fieldNotWritable',
      'The resource body includes fields which are not directly writable.',
    )
  }
  const parent = movedTo(parts, caller, file, addParents)
  const explicitlyTrashed = metadata.trashed ?? file.explicitlyTrashed
  const own = mergeProperties(file.appProperties[caller.clientId] ?? {}, metadata.appProperties)
  return {
    ...file,
    parentId: parent.id,
    name: metadata.name ?? file.name,
    mimeType: file.content ? (metadata.mimeType ?? file.mimeType) : file.mimeType,
    description: metadata.description ?? file.description,
    starred: metadata.starred ?? file.starred,
    explicitlyTrashed,
    trashed: explicitlyTrashed || parent.trashed,
    properties: mergeProperties(file.properties, metadata.properties),
    appProperties: metadata.appProperties
      ? { ...file.appProperties, [caller.clientId]: own }
      : file.appProperties,
    modifiedMs: metadata.modifiedTime ?? parts.clock.now(),
  }
}

/** `addParents` moves, because a file has exactly one parent. */
function movedTo(parts: DriveParts, caller: Caller, file: DriveFile, added: string | undefined) {
  if (!added) {
    const trashed = parts.files.find(file.accountId, file.parentId)?.trashed ?? false
    return { id: file.parentId, trashed }
  }
  if (added.includes(',')) throw invalidValue('addParents', 'A file has exactly one parent.')
  const parent = parentFolder(parts, caller, added)
  if (parts.files.isWithin(file.accountId, parent.id, file.id)) {
    throw new DriveError(403, 'cyclicParents', 'A folder cannot lie in itself.')
  }
  return parent
}

export function deleteFile(parts: DriveParts, exchange: Exchange, id: string): Reply {
  const caller = authenticate(parts, exchange, 'write')
  parts.files.delete(writableFile(parts, caller, id))
  return { status: 204 }
}

export function emptyTrash(parts: DriveParts, exchange: Exchange): Reply {
  const caller = authenticate(parts, exchange, 'write')
  const trashed = parts.files.list(caller.account.id).filter((file) => file.explicitlyTrashed)
  for (const file of trashed) {
    // A folder that went before may have taken it along.
    if (isVisible(caller, file) && parts.files.exists(file.id)) parts.files.delete(file)
  }
  return { status: 204 }
}

/** "values above 1000 will be coerced to 1000"; zero and less are of no use to anybody. */
function wantedPageSize(exchange: Exchange): number {
  return Math.min(integerParameter(exchange, 'pageSize', 100), MAX_PAGE_SIZE)
}

function integerParameter(
  exchange: Exchange,
  name: string,
  fallback: number,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  const text = exchange.url.searchParams.get(name)
  if (text === null) return fallback
  const value = Number(text)
  if (value >= 1 && value <= maximum) return value
  throw invalidValue(
    name,
    `Invalid value '${text}'. Values must be within the range: [1, ${maximum}]`,
  )
}
