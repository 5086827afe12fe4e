/** Calls of Drive and of the control API, as plain HTTP. */
import { createHash, randomBytes } from 'node:crypto'
import { DRIVE_FILE, type Fixture, signIn, startEmulator } from './emulator-fixture.ts'

interface FileResource {
  id: string
  name: string
  mimeType: string
  size?: string
  parents?: string[]
  md5Checksum?: string
  sha1Checksum?: string
  sha256Checksum?: string
  trashed?: boolean
  explicitlyTrashed?: boolean
  modifiedTime?: string
  appProperties?: Record<string, string>
}

export interface DriveReply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: replies of every shape are asserted, not typed
  json: any
}

/** Calls of Drive with one access token. */
export function driveOf(fixture: Fixture, accessToken: string) {
  async function call(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<DriveReply> {
    const isBytes = Buffer.isBuffer(options.body) || typeof options.body === 'string'
    const reply = await fetch(new URL(path, fixture.url), {
      method,
      headers: {
        authorization: `Bearer ${accessToken}`,
        ...(options.body === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: isBytes ? (options.body as string) : JSON.stringify(options.body) }),
    })
    const text = await reply.text()
    const isJson = reply.headers.get('content-type')?.includes('json') && text !== ''
    return {
      status: reply.status,
      headers: reply.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    }
  }
  return {
    call,
    create: (metadata: object, fields = '*') =>
      call('POST', `/drive/v3/files?fields=${fields}`, { body: metadata }),
    async folder(name: string, parent?: string): Promise<string> {
      const reply = await call('POST', '/drive/v3/files', {
        body: {
          name,
          mimeType: 'application/vnd.google-apps.folder',
          ...(parent === undefined ? {} : { parents: [parent] }),
        },
      })
      return reply.json.id
    },
    async reserveId(): Promise<string> {
      return (await call('GET', '/drive/v3/files/generateIds?count=1')).json.ids[0]
    },
    async list(q: string, more = ''): Promise<FileResource[]> {
      const query = `q=${encodeURIComponent(q)}&fields=*${more}`
      return (await call('GET', `/drive/v3/files?${query}`)).json.files
    },
    upload: (metadata: object, content: Buffer, fields = '*') =>
      call('POST', `/upload/drive/v3/files?uploadType=multipart&fields=${fields}`, {
        body: related(metadata, content),
        headers: { 'content-type': 'multipart/related; boundary="edge"' },
      }),
    async openSession(
      metadata: object,
      total: number | undefined,
      options: { headers?: Record<string, string>; path?: string; method?: string } = {},
    ): Promise<DriveReply & { location: string }> {
      const reply = await call(
        options.method ?? 'POST',
        options.path ?? '/upload/drive/v3/files?uploadType=resumable&fields=*',
        {
          body: metadata,
          headers: {
            ...(total === undefined ? {} : { 'x-upload-content-length': String(total) }),
            ...options.headers,
          },
        },
      )
      return { ...reply, location: reply.headers.get('location') ?? '' }
    },
  }
}

export type Drive = ReturnType<typeof driveOf>

/** A signed-in owner's Drive with drive.file, the scope that Portage asks for. */
export async function ownersDrive(fixture: Fixture): Promise<Drive> {
  return driveOf(fixture, (await signIn(fixture, { scope: DRIVE_FILE })).access_token)
}

export function related(metadata: object, content: Buffer, type = 'text/plain'): Buffer {
  return Buffer.concat([
    Buffer.from(
      `--edge\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(metadata)}\r\n--edge\r\nContent-Type: ${type}\r\n\r\n`,
    ),
    content,
    Buffer.from('\r\n--edge--\r\n'),
  ])
}

/** An emulator of its own with the owner signed in. */
export async function signedIn() {
  const fixture = await startEmulator()
  return { fixture, drive: await ownersDrive(fixture) }
}

/** A session of the owner for a file of so many bytes. */
export async function openSession(total: number | undefined) {
  const { fixture, drive } = await signedIn()
  const { location } = await drive.openSession({ name: 'a.bin' }, total)
  return { fixture, drive, location }
}

/** Sends bytes to a session's address, without Authorization. */
export async function putRange(
  location: string,
  contentRange: string | undefined,
  content: Buffer = Buffer.alloc(0),
  method = 'PUT',
): Promise<DriveReply> {
  const reply = await fetch(location, {
    method,
    body: content as unknown as string,
    headers: contentRange === undefined ? {} : { 'content-range': contentRange },
    redirect: 'manual',
  })
  const text = await reply.text()
  const isJson = reply.headers.get('content-type')?.includes('json')
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  }
}

export function content(bytes: number): Buffer {
  return randomBytes(bytes)
}

export function digest(algorithm: string, data: Buffer): string {
  return createHash(algorithm).update(data).digest('hex')
}

/** A control call as the runner or a test makes it. */
export async function control(
  fixture: Fixture,
  method: string,
  path: string,
  body?: unknown,
): Promise<DriveReply> {
  const reply = await fetch(`${fixture.url}/_emulator/${path}`, {
    method,
    ...(method === 'GET' ? {} : { headers: { 'content-type': 'application/json' } }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await reply.text()
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: reply.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined,
  }
}
