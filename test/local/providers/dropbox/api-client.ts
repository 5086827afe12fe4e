/** API v2 as a test speaks it: plain requests, replies taken apart. */
import { createHash } from 'node:crypto'
import { type Fixture, STORAGE_SCOPES, signIn } from './emulator-fixture.ts'

const BLOCK_BYTES = 4 * 1024 * 1024

export interface ApiReply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the emulator answers, the assertions say what it is.
  json: any
}

/** Bytes that look like nothing and are the same in every run. */
export function content(bytes: number, seed = 0): Buffer {
  const block = createHash('sha512').update(`${seed}`).digest()
  return Buffer.alloc(bytes, block)
}

export function digest(algorithm: string, data: Buffer): string {
  return createHash(algorithm).update(data).digest('hex')
}

/** https://www.dropbox.com/developers/reference/content-hash, written down once more. */
export function contentHash(data: Buffer): string {
  const blocks = createHash('sha256')
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    blocks.update(
      createHash('sha256')
        .update(data.subarray(at, at + BLOCK_BYTES))
        .digest(),
    )
  }
  return blocks.digest('hex')
}

/** JSON in which every character can stand in a header. */
export function headerSafe(arg: unknown): string {
  return JSON.stringify(arg).replace(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

export interface Api {
  /** A call with JSON; without an argument it has neither body nor type. */
  rpc(name: string, arg?: unknown, headers?: Record<string, string>): Promise<ApiReply>
  /** A call with content. */
  send(
    name: string,
    arg: unknown,
    data?: Buffer | ReadableStream,
    headers?: Record<string, string>,
  ): Promise<ApiReply>
  upload(path: string, data: Buffer, more?: Record<string, unknown>): Promise<ApiReply>
  /** Opens a session with content and answers its id. */
  start(data?: Buffer, more?: Record<string, unknown>): Promise<string>
  append(
    sessionId: string,
    offset: number,
    data: Buffer,
    more?: Record<string, unknown>,
  ): Promise<ApiReply>
  finish(sessionId: string, offset: number, commit: Record<string, unknown>): Promise<ApiReply>
  finishBatch(
    entries: { id: string; offset: number; commit: Record<string, unknown> }[],
  ): Promise<ApiReply>
  download(arg: unknown, headers?: Record<string, string>): Promise<Response>
  /** Names in a folder. */
  names(path: string): Promise<string[]>
}

export function apiOf(fixture: Pick<Fixture, 'url'>, accessToken: string): Api {
  const authorization = `Bearer ${accessToken}`
  const call = async (name: string, init: RequestInit): Promise<ApiReply> => {
    const reply = await fetch(`${fixture.url}/2/${name}`, { method: 'POST', ...init })
    return await readReply(reply)
  }
  const api: Api = {
    rpc: (name, arg, headers = {}) =>
      call(name, {
        headers: {
          authorization,
          ...(arg === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(arg === undefined ? {} : { body: JSON.stringify(arg) }),
      }),
    send: (name, arg, data = Buffer.alloc(0), headers = {}) =>
      call(name, {
        headers: {
          authorization,
          'content-type': 'application/octet-stream',
          'dropbox-api-arg': headerSafe(arg),
          ...headers,
        },
        body: Buffer.isBuffer(data) ? new Uint8Array(data) : data,
        duplex: 'half',
      } as RequestInit),
    upload: (path, data, more = {}) => api.send('files/upload', { path, ...more }, data),
    async start(data, more = {}) {
      const { status, text, json } = await api.send('files/upload_session/start', more, data)
      if (status !== 200) throw new Error(`no session: ${text}`)
      return json.session_id
    },
    append: (session_id, offset, data, more = {}) =>
      api.send('files/upload_session/append_v2', { cursor: { session_id, offset }, ...more }, data),
    finish: (session_id, offset, commit) =>
      api.send('files/upload_session/finish', { cursor: { session_id, offset }, commit }),
    finishBatch: (entries) =>
      api.rpc('files/upload_session/finish_batch_v2', {
        entries: entries.map(({ id, offset, commit }) => ({
          cursor: { session_id: id, offset },
          commit,
        })),
      }),
    download: (arg, headers = {}) =>
      fetch(`${fixture.url}/2/files/download`, {
        method: 'POST',
        headers: { authorization, 'dropbox-api-arg': headerSafe(arg), ...headers },
      }),
    async names(path) {
      const { json } = await api.rpc('files/list_folder', { path })
      return json.entries.map(({ name }: { name: string }) => name)
    },
  }
  return api
}

export async function readReply(reply: Response): Promise<ApiReply> {
  const text = await reply.text()
  const isJson = reply.headers.get('content-type')?.startsWith('application/json')
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: isJson ? JSON.parse(text) : {},
  }
}

/** The API for a whole grant of the owner, or of somebody else. */
export async function ownersApi(fixture: Fixture, account?: string): Promise<Api> {
  // Without an ID token no key has to be made for it.
  const { access_token } = await signIn(fixture, { scope: STORAGE_SCOPES }, account)
  return apiOf(fixture, access_token)
}

/** A call of the control API. */
export async function control(
  fixture: Pick<Fixture, 'url'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiReply> {
  const reply = await fetch(`${fixture.url}/_emulator/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  })
  return await readReply(reply)
}
