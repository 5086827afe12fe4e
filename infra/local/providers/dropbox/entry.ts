/** A file or folder of an account, and how the API shows it. */
import { fileName } from './paths.ts'

export interface FileContent {
  blob: string
  size: number
  contentHash: string
}

export interface FileEntry {
  kind: 'file'
  id: string
  /** In the letters in which it was made. */
  path: string
  key: string
  rev: string
  content: FileContent
  clientModified: string
  serverModified: string
}

export interface FolderEntry {
  kind: 'folder'
  id: string
  path: string
  key: string
}

/** What was at a path and is no more. */
export interface DeletedEntry {
  kind: 'deleted'
  path: string
  key: string
}

export type Entry = FileEntry | FolderEntry

/** FileMetadata, FolderMetadata or DeletedMetadata, as a member of the union `Metadata`. */
export function taggedMetadata(entry: Entry | DeletedEntry): Record<string, unknown> {
  return { '.tag': entry.kind, ...metadata(entry) }
}

/** The same where the function answers one kind only: without a tag. */
export function metadata(entry: Entry | DeletedEntry): Record<string, unknown> {
  const where = {
    name: fileName(entry.path),
    path_lower: entry.path.toLowerCase(),
    path_display: entry.path,
  }
  if (entry.kind === 'deleted') return where
  if (entry.kind === 'folder') return { ...where, id: entry.id }
  return {
    ...where,
    id: entry.id,
    client_modified: entry.clientModified,
    server_modified: entry.serverModified,
    rev: entry.rev,
    size: entry.content.size,
    is_downloadable: true,
    content_hash: entry.content.contentHash,
  }
}

/** `DropboxTimestamp`: UTC, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
