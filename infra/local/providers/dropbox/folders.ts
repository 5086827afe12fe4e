/** Metadata, folders, lists, deletion, moving and copying. */
import * as z from 'zod'
import type { Account } from '../account-store.ts'
import { jsonReply } from '../exchange.ts'
import { type ApiCall, apiFunction, readJson } from './api-call.ts'
import { folderPath, readPath, writePath, writePathOrId } from './arguments.ts'
import { freePath, inParents, living, WriteError, writablePath } from './commit.ts'
import { BadInputError, DropboxError, type Tagged, tagged } from './dropbox-error.ts'
import { type Entry, metadata, taggedMetadata } from './entry.ts'
import { findAny, findEntry, lookupError, plainPath } from './lookup.ts'
import { pathKey } from './paths.ts'

const MAX_LIST_ENTRIES = 2000

export const getMetadata = apiFunction({
  style: 'rpc',
  scope: 'files.metadata.read',
  arg: z.strictObject({
    path: readPath,
    include_media_info: z.boolean().optional(),
    include_deleted: z.boolean().default(false),
    include_has_explicit_shared_members: z.boolean().optional(),
  }),
  run({ parts, account, arg }) {
    const entry = findAny(parts, account, arg.path)
    if (!entry || (entry.kind === 'deleted' && !arg.include_deleted)) {
      throw lookupError('path', 'not_found')
    }
    return jsonReply(200, taggedMetadata(entry))
  },
})

const listArg = z.strictObject({
  path: folderPath,
  recursive: z.boolean().default(false),
  include_media_info: z.boolean().optional(),
  include_deleted: z.boolean().default(false),
  include_has_explicit_shared_members: z.boolean().optional(),
  include_mounted_folders: z.boolean().optional(),
  include_non_downloadable_files: z.boolean().optional(),
  limit: z.int().min(1).max(MAX_LIST_ENTRIES).default(MAX_LIST_ENTRIES),
})

/** Where a list goes on: behind which change, and what belongs to it. */
const cursorMembers = z.strictObject({
  account: z.string(),
  folder: z.string(),
  recursive: z.boolean(),
  withDeleted: z.boolean(),
  limit: z.int(),
  after: z.int(),
  /** The last change when the list began; deletions after it are news. */
  began: z.int(),
})
type Cursor = z.infer<typeof cursorMembers>

export const listFolder = apiFunction({
  style: 'rpc',
  scope: 'files.metadata.read',
  arg: listArg,
  run: (call) => page(call, beginList(call, 0)),
})

export const getLatestCursor = apiFunction({
  style: 'rpc',
  scope: 'files.metadata.read',
  arg: listArg,
  run(call) {
    const cursor = beginList(call, call.parts.entries.lastChange)
    return jsonReply(200, { cursor: writeCursor(cursor) })
  },
})

export const continueList = apiFunction({
  style: 'rpc',
  scope: 'files.metadata.read',
  arg: z.strictObject({ cursor: z.string().min(1) }),
  run(call) {
    const { parts, account, functionName, arg } = call
    const text = Buffer.from(arg.cursor, 'base64url').toString()
    const { data: cursor } = cursorMembers.safeParse(readJson(text))
    if (cursor?.account !== account.id) {
      throw new BadInputError(functionName, 'Invalid "cursor" parameter.')
    }
    const folder = parts.entries.at(account.id, cursor.folder)
    if (cursor.folder !== '' && folder?.kind !== 'folder') throw lookupError('path', 'not_found')
    return page(call, cursor)
  },
})

function beginList(call: ApiCall<z.infer<typeof listArg>>, after: number): Cursor {
  const { parts, account, functionName, arg } = call
  if (arg.path === '/') {
    const sentence = 'path: Specify the root folder as an empty string rather than as "/".'
    throw new BadInputError(functionName, `request body: ${sentence}`)
  }
  const isRoot = arg.path === '' || plainPath(parts, account, arg.path) === ''
  const folder = isRoot ? undefined : findEntry(parts, account, arg.path)
  if (folder?.kind === 'file') throw lookupError('path', 'not_folder')
  return {
    account: account.id,
    folder: folder?.key ?? '',
    recursive: arg.recursive,
    withDeleted: arg.include_deleted,
    limit: arg.limit,
    after,
    began: parts.entries.lastChange,
  }
}

function page({ parts, account }: ApiCall<unknown>, cursor: Cursor) {
  const { recursive, after, limit, began, withDeleted } = cursor
  const rows = parts.entries.list(account.id, cursor.folder, {
    recursive,
    after,
    limit: limit + 1,
  })
  const shown = rows.slice(0, limit)
  const entries = shown
    .filter(({ entry, change }) => entry.kind !== 'deleted' || withDeleted || change > began)
    .map(({ entry }) => taggedMetadata(entry))
  const next = { ...cursor, after: shown.at(-1)?.change ?? after }
  return jsonReply(200, {
    entries,
    cursor: writeCursor(next),
    has_more: rows.length > limit,
  })
}

function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

export const createFolder = apiFunction({
  style: 'rpc',
  scope: 'files.content.write',
  arg: z.strictObject({ path: writePath, autorename: z.boolean().default(false) }),
  async run(call) {
    const { parts, account, arg } = call
    const folder = await committed(call, 'path', () => {
      const path = target(call, arg.path, arg.autorename)
      return parts.entries.putFolder(account.id, inParents(parts, account.id, path))
    })
    return jsonReply(200, { metadata: metadata(folder) })
  },
})

export const deleteEntry = apiFunction({
  style: 'rpc',
  scope: 'files.content.write',
  arg: z.strictObject({
    path: writePathOrId,
    parent_rev: z
      .string()
      .regex(/^[0-9a-f]{9,}$/)
      .optional(),
  }),
  async run(call) {
    const { parts, account, arg } = call
    let unused: string[] = []
    const entry = await committed(call, 'path_write', () => {
      const doomed = findEntry(parts, account, arg.path, 'path_lookup')
      if (
        arg.parent_rev !== undefined &&
        (doomed.kind !== 'file' || doomed.rev !== arg.parent_rev)
      ) {
        throw new WriteError(tagged('conflict', doomed.kind))
      }
      unused = parts.entries.delete(account.id, doomed)
      return doomed
    })
    parts.entries.removeUnused(unused)
    return jsonReply(200, { metadata: taggedMetadata(entry) })
  },
})

const relocationArg = z.strictObject({
  from_path: writePathOrId,
  to_path: writePathOrId,
  autorename: z.boolean().default(false),
  allow_shared_folder: z.boolean().optional(),
  allow_ownership_transfer: z.boolean().optional(),
})
type RelocationCall = ApiCall<z.infer<typeof relocationArg>>

export const moveEntry = relocation((call, entries, place) => {
  const { parts, account } = call
  const [first] = entries
  if (first) parts.entries.delete(account.id, first)
  return entries.map((entry) => put(call, entry, place(entry), entry.id))
})

export const copyEntry = relocation((call, entries, place) => {
  const { parts, account } = call
  const bytes = entries.reduce((sum, entry) => {
    return sum + (entry.kind === 'file' ? entry.content.size : 0)
  }, 0)
  if (!parts.entries.hasRoom(account.id, bytes)) {
    throw new DropboxError(tagged('insufficient_quota'))
  }
  return entries.map((entry) => put(call, entry, place(entry), parts.entries.newId()))
})

function relocation(
  write: (call: RelocationCall, entries: Entry[], place: (entry: Entry) => string) => Entry[],
) {
  return apiFunction({
    style: 'rpc',
    scope: 'files.content.write',
    arg: relocationArg,
    async run(call) {
      const { parts, account, arg } = call
      const { id: accountId } = account
      const moved = await committed(call, 'to', () => {
        const from = findEntry(parts, account, arg.from_path, 'from_lookup')
        const asked = writablePath(parts, account, arg.to_path)
        if (pathKey(asked).startsWith(`${from.key}/`)) {
          throw new DropboxError(tagged('cant_move_folder_into_itself'))
        }
        if (asked === from.path) throw new DropboxError(tagged('duplicated_or_nested_paths'))
        // The same path in other letters is a change of the letters.
        const isRespelt = pathKey(asked) === from.key
        const to = isRespelt ? asked : target(call, arg.to_path, arg.autorename)
        const path = inParents(parts, accountId, to)
        const entries = parts.entries.withDescendants(accountId, from)
        return write(call, entries, (entry) => `${path}${entry.path.slice(from.path.length)}`)
      })
      return jsonReply(200, { metadata: moved[0] && taggedMetadata(moved[0]) })
    },
  })
}

function put({ parts, account }: RelocationCall, entry: Entry, path: string, id: string): Entry {
  if (entry.kind === 'folder') return parts.entries.putFolder(account.id, path, id)
  const { content, clientModified, serverModified } = entry
  return parts.entries.putFile(account.id, {
    id,
    path,
    content,
    clientModified,
    serverModified,
  })
}

/** Where something new is written: the path, or with `autorename` a free one beside it. */
function target(call: ApiCall<unknown>, asked: string, autorename: boolean): string {
  const { parts, account } = call
  const path = writablePath(parts, account, asked)
  const existing = living(parts, account.id, path)
  if (!existing) return path
  if (!autorename) throw new WriteError(tagged('conflict', existing.kind))
  return freePath(parts, account.id, path, { mode: { tag: 'add' } })
}

/** Does the work alone and whole; a WriteError goes out under `member`. */
async function committed<T>(
  { parts, account }: { parts: ApiCall<unknown>['parts']; account: Account },
  member: string,
  work: () => T,
): Promise<T> {
  try {
    return await parts.lock.commit(account.id, () => parts.entries.transaction(work))
  } catch (error) {
    if (!(error instanceof WriteError)) throw error
    const wrapped: Tagged = { '.tag': member, [member]: error.error }
    throw new DropboxError(wrapped)
  }
}
