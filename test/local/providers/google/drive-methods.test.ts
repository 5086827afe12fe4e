/** The table of methods against Google's own client, which is made from Google's own description. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FILE_FIELDS } from '../../../../infra/local/providers/google/drive-file.ts'
import { DRIVE_METHODS } from '../../../../infra/local/providers/google/drive-methods.ts'
import { WRITABLE_MEMBERS } from '../../../../infra/local/providers/google/request-rules.ts'
import { content, type Drive, ownersDrive } from './drive-client.ts'
import { type Fixture, startEmulator } from './emulator-fixture.ts'

const description = readFileSync(
  createRequire(import.meta.url)
    .resolve('googleapis/build/src/apis/drive/v3.js')
    .replace(/js$/, 'd.ts'),
  'utf8',
)

/** Members of an interface of the description, with their documentation. */
function membersOf(name: string): Map<string, string> {
  const start = description.indexOf(`interface ${name} `)
  const body = description.slice(start, description.indexOf('\n    }\n', start))
  const members = body.matchAll(
    /(?:^ {8}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {8}'?([\w$.]+)'?\?:/gm,
  )
  return new Map([...members].map(([, documentation = '', member = '']) => [member, documentation]))
}

const PARAMETERS: Record<string, string> = {
  'drive.files.generateIds': 'Generateids',
  'drive.files.emptyTrash': 'Emptytrash',
}

describe('what Google describes', () => {
  it.each(DRIVE_METHODS)('$id takes the parameters that Google lists', ({ id, parameters }) => {
    const [, resource = '', method = ''] = id.split('.')
    const [first = ''] = resource
    const name = `${first.toUpperCase()}${resource.slice(1)}$${
      PARAMETERS[id] ?? `${method[0]?.toUpperCase()}${method.slice(1)}`
    }`
    const listed = [...membersOf(`Params$Resource$${name}`).keys()]

    expect(description).toContain(`interface Params$Resource$${name} `)
    const inPathOrBody = ['fileId', 'requestBody', 'media']
    expect(Object.keys(parameters).sort()).toEqual(
      listed.filter((parameter) => !inPathOrBody.includes(parameter)).sort(),
    )
  })

  it('names every member of a file that fields can choose', () => {
    const members = membersOf('Schema$File')
    expect(members.size).toBeGreaterThan(50)
    expect([...members.keys()].filter((member) => !FILE_FIELDS.has(member))).toEqual([])
  })

  it('says of no writable member that it is output only', () => {
    const members = membersOf('Schema$File')
    const wrong = [...WRITABLE_MEMBERS].filter(
      (member) => members.get(member)?.includes('Output only') ?? true,
    )
    expect(wrong).toEqual([])
  })
})

describe('every method of the client', () => {
  let fixture: Fixture
  let drive: Drive
  const cleanups: (() => Promise<void>)[] = []
  beforeAll(async () => {
    fixture = await startEmulator((work) => cleanups.unshift(work))
    drive = await ownersDrive(fixture)
  })
  afterAll(async () => {
    for (const work of cleanups) await work()
  })

  const calls = Object.entries(new drive_v3.Drive({})).flatMap(([resource, api]) => {
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(api ?? {}))
    return methods
      .filter((method) => method !== 'constructor' && resource !== 'context')
      .map((method) => ({ id: `drive.${resource}.${method}`, resource, method }))
  })

  /** Methods are called by name, each with all ids. */
  type ClientMethod = (ids: Record<string, string>, options: object) => Promise<unknown>

  /** What the client would ask for, without a query. */
  async function requestOf(resource: string, method: string): Promise<[string, string]> {
    let asked: [string, string] = ['', '']
    const api: Record<string, ClientMethod> = Reflect.get(new drive_v3.Drive({}), resource)
    const ids = ['fileId', 'commentId', 'replyId', 'permissionId', 'revisionId', 'driveId']
    const more = ['teamDriveId', 'proposalId', 'approvalId', 'appId', 'name', 'requestId']
    const values = Object.fromEntries([...ids, ...more].map((name) => [name, 'x']))
    await api[method]?.(
      { ...values, pageToken: '1', mimeType: 'text/plain' },
      {
        retry: false,
        fetchImplementation: async (url: URL, init: { method: string }) => {
          asked = [init.method, new URL(url).pathname]
          return new Response('{}', { headers: { 'content-type': 'application/json' } })
        },
      },
    )
    return asked
  }

  it('are more than are served', () => {
    expect(calls.length).toBeGreaterThan(DRIVE_METHODS.length)
    const ids = new Set(calls.map(({ id }) => id))
    expect(DRIVE_METHODS.filter(({ id }) => !ids.has(id))).toEqual([])
  })

  it.each(calls)('$id is served, or refused as not implemented', async ({ id, ...call }) => {
    const [verb, path] = await requestOf(call.resource, call.method)
    const body = ['POST', 'PATCH'].includes(verb) ? { body: {} } : {}

    const reply = await drive.call(verb, path, body)

    if (DRIVE_METHODS.some((method) => method.id === id)) expect(reply.status).not.toBe(501)
    else
      expect(reply).toMatchObject({
        status: 501,
        json: { error: { errors: [{ reason: 'notImplemented' }] } },
      })
  })
})

describe('what is refused in the manner of Google', () => {
  const cases: [string, string, object | undefined, number, string][] = [
    ['POST', '/batch/drive/v3', undefined, 501, 'notImplemented'],
    ['GET', '/drive/v3/nonsense', undefined, 404, 'notFound'],
    ['PUT', '/drive/v3/files', {}, 404, 'notFound'],
    ['POST', '/upload/drive/v3/about', {}, 404, 'notFound'],
    ['GET', '/nothing/at/all', undefined, 404, 'notFound'],
    ['GET', '/drive/v3/files?supportsAllDrives=yes', undefined, 400, 'invalid'],
    ['GET', '/drive/v3/files?corpora=everything', undefined, 400, 'invalid'],
    ['GET', '/drive/v3/files?alt=xml', undefined, 400, 'invalid'],
    ['GET', '/drive/v3/files?corpora=drive', undefined, 400, 'required'],
    ['GET', '/drive/v3/files?driveId=0A', undefined, 404, 'notFound'],
    ['GET', '/drive/v3/files/generateIds?type=folders', undefined, 400, 'invalid'],
    ['GET', '/drive/v3/files/generateIds?count=ten', undefined, 400, 'invalid'],
    ['POST', '/upload/drive/v3/files?uploadType=other', {}, 400, 'invalid'],
    ['POST', '/upload/drive/v3/files', {}, 400, 'invalid'],
    [
      'POST',
      '/drive/v3/files',
      { mimeType: 'application/vnd.google-apps.document' },
      501,
      'notImplemented',
    ],
  ]

  it.each(cases)('%s %s %j', async (verb, path, body, status, reason) => {
    const fixture = await startEmulator()
    const drive = await ownersDrive(fixture)

    const reply = await drive.call(verb, path, body === undefined ? {} : { body })

    expect(reply.status).toBe(status)
    expect(reply.json.error).toMatchObject({ code: status, errors: [{ reason }] })
  })

  it('exporting a file that is no Docs document', async () => {
    const drive = await ownersDrive(await startEmulator())
    const { id } = (await drive.upload({ name: 'a.txt' }, content(3))).json

    const reply = await drive.call('GET', `/drive/v3/files/${id}/export?mimeType=text/plain`)

    expect(reply.status).toBe(403)
    expect(reply.json.error.errors[0].reason).toBe('fileNotExportable')
  })
})
