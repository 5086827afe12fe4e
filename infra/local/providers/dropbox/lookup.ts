/** From a path of an argument to what is there. */
import type { Account } from '../account-store.ts'
import { uidOf } from './account-ids.ts'
import type { ApiParts } from './api-call.ts'
import { DropboxError, tagged } from './dropbox-error.ts'
import type { DeletedEntry, Entry, FileEntry } from './entry.ts'
import { isMalformedPath } from './paths.ts'

type LookupParts = Pick<ApiParts, 'entries'>

/** How a function wraps a LookupError: `path`, `path_lookup`, `from_lookup`. */
export function lookupError(member: string, reason: string): DropboxError {
  return new DropboxError(tagged(member, reason))
}

/** What is at the path; throws the LookupError where nothing is. */
export function findEntry(
  parts: LookupParts,
  account: Account,
  path: string,
  member = 'path',
): Entry {
  const entry = findAny(parts, account, path, member)
  if (!entry || entry.kind === 'deleted') throw lookupError(member, 'not_found')
  return entry
}

export function findFile(
  parts: LookupParts,
  account: Account,
  path: string,
  member = 'path',
): FileEntry {
  const entry = findEntry(parts, account, path, member)
  if (entry.kind !== 'file') throw lookupError(member, 'not_file')
  return entry
}

export function findAny(
  { entries }: LookupParts,
  account: Account,
  path: string,
  member = 'path',
): Entry | DeletedEntry | undefined {
  const { id: accountId } = account
  if (path.startsWith('rev:')) return entries.byRev(accountId, path.slice('rev:'.length))
  const plain = plainPath({ entries }, account, path)
  if (plain === undefined) return undefined
  if (isMalformedPath(plain)) throw lookupError(member, 'malformed_path')
  return entries.at(accountId, plain)
}

/** The path from the root that `id:…`, `id:…/below` or `ns:…/below` means; undefined where there is none. */
export function plainPath(
  { entries }: LookupParts,
  account: Account,
  path: string,
): string | undefined {
  const [, kind, name = '', below = ''] = /^(id|ns):([^/]*)(\/[\s\S]*)?$/.exec(path) ?? []
  if (kind === undefined) return path
  if (kind === 'ns') return name === uidOf(account) ? below : undefined
  const entry = entries.byId(account.id, `id:${name}`)
  return entry && `${entry.path}${below}`
}
