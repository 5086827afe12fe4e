/**
 * How Dropbox's API v2 is spoken: addresses, headers and bodies, all pure
 * (https://www.dropbox.com/developers/documentation/http/documentation).
 */
import * as z from 'zod'
import { parseJson } from '../answers.ts'
import type { Place, RemoteFile, UploadTarget } from '../provider.ts'

const fileMembers = {
  id: z.string().min(1),
  name: z.string(),
  size: z.int().nonnegative(),
  content_hash: z.string().toLowerCase().optional(),
}
const file = z.object(fileMembers).transform(remoteFile)

/** What stands at a path; a folder is no file. */
const metadata = z.union([
  z.looseObject({ '.tag': z.enum(['folder', 'deleted']) }).transform(() => 'no-file' as const),
  file,
])

const session = z.object({ session_id: z.string().min(1) })
const link = z.object({ link: z.url() })

const batch = z.object({
  entries: z.array(
    z.union([
      z.object({ '.tag': z.literal('failure'), failure: z.unknown() }),
      z.object({ '.tag': z.literal('success'), ...fileMembers }).transform(remoteFile),
    ]),
  ),
})

const space = z
  .object({
    used: z.number(),
    allocation: z.union([
      z.object({
        '.tag': z.literal('team'),
        used: z.number(),
        allocated: z.number(),
        user_within_team_space_allocated: z.number().default(0),
      }),
      z.object({ '.tag': z.literal('individual'), allocated: z.number() }),
      z.looseObject({ '.tag': z.string() }).transform(() => undefined),
    ]),
  })
  .transform(({ used, allocation }) => {
    if (!allocation) return { usedBytes: used }
    if (allocation['.tag'] === 'individual') {
      return { usedBytes: used, totalBytes: allocation.allocated }
    }
    // "0 means that no restriction is imposed on the user's quota within its team".
    return allocation.user_within_team_space_allocated > 0
      ? { usedBytes: used, totalBytes: allocation.user_within_team_space_allocated }
      : { usedBytes: allocation.used, totalBytes: allocation.allocated }
  })

/** Each gives undefined for a body that is not what Dropbox documents. */
export const readMetadata = (body: string) => metadata.safeParse(parseJson(body)).data
export const readSession = (body: string) => session.safeParse(parseJson(body)).data?.session_id
export const readBatch = (body: string) => batch.safeParse(parseJson(body)).data?.entries
export const readQuota = (body: string) => space.safeParse(parseJson(body)).data
export const readLink = (body: string) => link.safeParse(parseJson(body)).data?.link

export function routeUrl(origin: string, route: string): URL {
  return new URL(`/2/${route}`, origin)
}

/** `/Portage/Tax/a.pdf`; without a parent it lies at the top of what this app may see. */
export function pathOf({ parentId = '', name }: Place): string {
  return `${parentId}/${name}`
}

/**
 * The argument of a call whose body is a file's, as a header: "HTTP header safe JSON", in which
 * 0x7F and all that is not ASCII is escaped
 * (https://www.dropbox.com/developers/reference/json-encoding).
 */
export function argHeader(argument: unknown): { 'dropbox-api-arg': string } {
  const escaped = JSON.stringify(argument).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return { 'dropbox-api-arg': escaped }
}

/**
 * `add` never overwrites, and without `autorename` a repetition makes no "(1)". A first commit is
 * told by `strict_conflict` of the same content at the same path, because that is another's file; a
 * repeated one is content with what the first has made
 * (https://github.com/dropbox/dropbox-api-spec, files.stone).
 */
export function commitEntry(
  sessionId: string,
  { fileId, sizeBytes, isFirst = false }: UploadTarget,
) {
  return {
    cursor: { session_id: sessionId, offset: sizeBytes },
    commit: {
      path: fileId,
      mode: { '.tag': 'add' as const },
      autorename: false,
      strict_conflict: isFirst,
      // The owner is told by our own mail, once per submission, not by Dropbox once per file.
      mute: true,
    },
  }
}

function remoteFile(entry: {
  id: string
  name: string
  size: number
  content_hash?: string | undefined
}): RemoteFile {
  return {
    id: entry.id,
    name: entry.name,
    sizeBytes: entry.size,
    trashed: false,
    ...(entry.content_hash !== undefined && { contentHash: entry.content_hash }),
  }
}
