/** Content that goes out: `download`, and links that need no token. */
import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { contentReply } from '../content-reply.ts'
import { type Exchange, jsonReply, type Reply, textReply } from '../exchange.ts'
import { type ApiParts, apiFunction } from './api-call.ts'
import { readPath } from './arguments.ts'
import { type FileEntry, metadata } from './entry.ts'
import { findFile } from './lookup.ts'
import { fileName } from './paths.ts'

/** "This link will expire in four hours and afterwards you will get 410 Gone." */
const LINK_LIFETIME_MS = 4 * 60 * 60 * 1000
const LINK_PATH = '/cd/0/get/'

export const download = apiFunction({
  style: 'download',
  scope: 'files.content.read',
  arg: z.strictObject({
    path: readPath,
    rev: z
      .string()
      .regex(/^[0-9a-f]{9,}$/)
      .optional(),
  }),
  run({ parts, exchange, account, arg }) {
    const { path, rev } = arg
    const file = findFile(parts, account, rev === undefined ? path : `rev:${rev}`)
    const result = { 'dropbox-api-result': headerSafe(JSON.stringify(metadata(file))) }
    const etag = `"${file.rev}"`
    if (exchange.request.headers['if-none-match'] === etag) {
      return { status: 304, headers: { etag, ...result } }
    }
    return fileReply(parts, exchange, file, { etag, ...result })
  },
})

export const getTemporaryLink = apiFunction({
  style: 'rpc',
  scope: 'files.content.read',
  arg: z.strictObject({ path: readPath }),
  run({ parts, exchange, account, arg }) {
    const file = findFile(parts, account, arg.path)
    const token = randomBytes(48).toString('base64url')
    const now = parts.clock.now()
    parts.database.run('DELETE FROM links WHERE expires_at < ?', now - LINK_LIFETIME_MS)
    parts.database.run(
      'INSERT INTO links (token, account_id, file_id, expires_at) VALUES (?, ?, ?, ?)',
      token,
      account.id,
      file.id,
      now + LINK_LIFETIME_MS,
    )
    const link = `${linkOrigin(exchange)}${LINK_PATH}${token}/file`
    return jsonReply(200, { metadata: metadata(file), link })
  },
})

export function isTemporaryLink({ url }: Exchange): boolean {
  return url.pathname.startsWith(LINK_PATH)
}

/** GET or HEAD of a temporary link, whole or one range, as often as asked. */
export function followLink(parts: ApiParts, exchange: Exchange): Reply {
  exchange.operation = 'link'
  if (!['GET', 'HEAD'].includes(exchange.method)) return textReply(405, 'Method not allowed')
  const [token = ''] = exchange.url.pathname.slice(LINK_PATH.length).split('/')
  const row = parts.database.get('SELECT * FROM links WHERE token = ?', token)
  if (!row) return textReply(404, 'Not found')
  const accountId = String(row['account_id'])
  const file = parts.entries.byId(accountId, String(row['file_id']))
  if (file?.kind !== 'file' || Number(row['expires_at']) <= parts.clock.now()) {
    return textReply(410, 'Gone')
  }
  const account = parts.accounts.byId(accountId)
  if (account) exchange.account = account.email
  const name = encodeURIComponent(fileName(file.path)).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
  return fileReply(parts, exchange, file, {
    'content-disposition': `attachment; filename*=UTF-8''${name}`,
  })
}

function fileReply(
  parts: ApiParts,
  exchange: Exchange,
  { content }: FileEntry,
  headers: Record<string, string>,
): Reply {
  return contentReply(exchange, {
    blobPath: parts.database.blobPath(content.blob),
    size: content.size,
    headers: {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-cache',
      ...headers,
    },
  })
}

/** Content has a host of its own where the real names are served. */
function linkOrigin({ origin }: Exchange): string {
  return origin.startsWith('https:') ? 'https://dl.dropboxusercontent.com' : origin
}

/** "\uXXXX escape codes for the character 0x7F and all non-ASCII characters." https://www.dropbox.com/developers/reference/json-encoding */
function headerSafe(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
