/**
 * Writing to a path: what is a conflict, what is none, and which name is taken instead.
 * https://www.dropbox.com/developers/documentation/http/documentation#files-upload
 */
import type { Account } from '../account-store.ts'
import type { ApiParts } from './api-call.ts'
import type { CommitInfo } from './arguments.ts'
import { type Tagged, tagged } from './dropbox-error.ts'
import type { Entry, FileContent, FileEntry } from './entry.ts'
import { timestamp } from './entry.ts'
import { plainPath } from './lookup.ts'
import { fileName, parentPath, pathFault } from './paths.ts'

type CommitParts = Pick<ApiParts, 'entries' | 'clock'>

/** A WriteError; each function wraps it in its own way. */
export class WriteError extends Error {
  override name = 'WriteError' as const
  readonly error: Tagged

  constructor(error: Tagged) {
    super(error['.tag'])
    this.error = error
  }
}

function conflict(with_: 'file' | 'folder' | 'file_ancestor'): WriteError {
  return new WriteError(tagged('conflict', with_))
}

interface Committed {
  file: FileEntry
  /** Content that nothing needs any more: what was replaced, or what was there already. */
  unused: string[]
}

/** Writes a file, or finds it there already; `also` happens with it or not at all. */
export function commitFile(
  parts: CommitParts,
  account: Account,
  commit: CommitInfo,
  content: FileContent,
  also: () => void,
): Committed {
  return parts.entries.transaction(() => {
    const committed = writeFile(parts, account, commit, content)
    also()
    return committed
  })
}

function writeFile(
  parts: CommitParts,
  account: Account,
  commit: CommitInfo,
  content: FileContent,
): Committed {
  const { entries, clock } = parts
  const { id: accountId } = account
  const asked = writablePath(parts, account, commit.path)
  const existing = living(parts, accountId, asked)
  // "If the target path refers to a file with identical contents, nothing gets written; no conflict."
  if (
    !commit.strict_conflict &&
    existing?.kind === 'file' &&
    existing.content.contentHash === content.contentHash
  ) {
    return { file: existing, unused: [content.blob] }
  }
  const fault = conflictOf(commit, existing)
  if (fault && !commit.autorename) throw fault
  const replaced = !fault && existing?.kind === 'file' ? existing : undefined
  const path = fault ? freePath(parts, accountId, asked, commit) : (replaced?.path ?? asked)
  if (!entries.hasRoom(accountId, content.size - (replaced?.content.size ?? 0))) {
    throw new WriteError({ '.tag': 'insufficient_space' })
  }
  const now = timestamp(clock.now())
  const file = entries.putFile(accountId, {
    id: replaced?.id ?? entries.newId(),
    path: inParents(parts, accountId, path),
    content,
    clientModified: commit.client_modified ?? now,
    serverModified: now,
  })
  return { file, unused: replaced ? [replaced.content.blob] : [] }
}

/** The path from the root, once its form was checked. */
export function writablePath(parts: CommitParts, account: Account, asked: string): string {
  const path = plainPath(parts, account, asked)
  if (path === undefined || path === '') throw new WriteError({ '.tag': 'no_write_permission' })
  const fault = pathFault(path)
  if (fault) throw new WriteError({ '.tag': fault })
  return path
}

/**
 * Makes the folders above a path that are missing, and resolves to the path in the letters that
 * its folders have already. "There's a file at an ancestor path, so we couldn't create the
 * required parent folders."
 */
export function inParents(parts: CommitParts, accountId: string, path: string): string {
  const above = parentPath(path)
  if (above === '') return path
  const existing = living(parts, accountId, above)
  if (existing?.kind === 'file') throw conflict('file_ancestor')
  const folder = existing ?? parts.entries.putFolder(accountId, inParents(parts, accountId, above))
  return `${folder.path}/${fileName(path)}`
}

export function living(
  { entries }: CommitParts,
  accountId: string,
  path: string,
): Entry | undefined {
  const entry = entries.at(accountId, path)
  return entry?.kind === 'deleted' ? undefined : entry
}

/** "In some situations, the conflict behavior is identical …": the documentation of WriteMode. */
function conflictOf(commit: CommitInfo, existing: Entry | undefined): WriteError | undefined {
  const { mode, strict_conflict } = commit
  if (existing?.kind === 'folder') return conflict('folder')
  if (mode.tag === 'overwrite') return undefined
  if (mode.tag === 'add') return existing && conflict('file')
  if (!existing) return strict_conflict ? conflict('file') : undefined
  return existing.rev === mode.rev ? undefined : conflict('file')
}

/** "The autorename strategy is to append a number to the file name", or "conflicted copy". */
export function freePath(
  parts: CommitParts,
  accountId: string,
  path: string,
  { mode }: Pick<CommitInfo, 'mode'>,
): string {
  const name = fileName(path)
  const dot = name.lastIndexOf('.')
  const stem = dot > 0 ? name.slice(0, dot) : name
  const extension = dot > 0 ? name.slice(dot) : ''
  for (let number = 1; ; number++) {
    const words = mode.tag === 'update' ? 'conflicted copy' : ''
    const counted = words === '' || number > 1 ? `${words} ${number}`.trim() : words
    const free = `${parentPath(path)}/${stem} (${counted})${extension}`
    if (!living(parts, accountId, free)) return free
  }
}
