import { afterAll, describe, expect, it } from 'vitest'
import { content, ownersDrive } from './drive-client.ts'
import { startEmulator } from './emulator-fixture.ts'

const cleanups: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const work of cleanups.reverse()) await work()
})

/** Made once: no test of this file changes it. */
let filled: ReturnType<typeof fill> | undefined
function filledDrive() {
  filled ??= fill()
  return filled
}

async function fill() {
  const fixture = await startEmulator((work) => cleanups.push(work))
  const drive = await ownersDrive(fixture)
  const folder = await drive.folder('Portage')
  const inner = await drive.folder("O'Neil \\ Sons", folder)
  await drive.upload(
    { name: 'Hello World.txt', parents: [folder], modifiedTime: '2020-05-05T12:00:00Z' },
    content(3),
  )
  await drive.upload(
    { name: 'report 10.pdf', mimeType: 'application/pdf', parents: [inner] },
    content(2),
  )
  await drive.upload(
    { name: 'Report 9.pdf', mimeType: 'application/pdf', parents: [inner] },
    content(1),
  )
  const binned = await drive.create({ name: 'old', appProperties: { app: 'portage' } })
  await drive.call('PATCH', `/drive/v3/files/${binned.json.id}`, { body: { trashed: true } })
  const names = async (q: string, more = '') => (await drive.list(q, more)).map((file) => file.name)
  return { fixture, drive, folder, inner, names }
}

describe('the query', () => {
  it('is empty for everything, binned files too', async () => {
    const { names } = await filledDrive()

    expect(await names('')).toHaveLength(6)
  })

  it('knows folders, names, types, the bin, times and properties', async () => {
    const { names, folder, inner } = await filledDrive()
    const expected: [string, string[]][] = [
      [`'root' in parents`, ['Portage', 'old']],
      [`'${folder}' in parents`, ["O'Neil \\ Sons", 'Hello World.txt']],
      [`name = 'hello world.TXT'`, ['Hello World.txt']],
      [`name = 'O\\'Neil \\\\ Sons'`, ["O'Neil \\ Sons"]],
      [`name contains 'wor'`, ['Hello World.txt']],
      [`name contains 'orld'`, []],
      [`name != 'old' and mimeType = 'application/octet-stream'`, []],
      [`mimeType = 'application/pdf'`, ['report 10.pdf', 'Report 9.pdf']],
      [`mimeType != 'application/pdf' and '${inner}' in parents`, []],
      [`mimeType contains 'folder'`, ['Portage', "O'Neil \\ Sons"]],
      ['trashed = true', ['old']],
      ["trashed=true or name='Portage'", ['Portage', 'old']],
      [`modifiedTime < '2020-05-05T12:00:01'`, ['Hello World.txt']],
      [
        `modifiedTime >= '2020-05-05T14:00:00+02:00' and modifiedTime <= '2020-05-05T12:00:00Z'`,
        ['Hello World.txt'],
      ],
      [`appProperties has { key='app' and value='portage' }`, ['old']],
      [`appProperties has { key='app' and value='other' }`, []],
      [`'me' in owners and name = 'old'`, ['old']],
      [
        `not mimeType contains 'folder' and not trashed = true and not (name contains 'report')`,
        ['Hello World.txt'],
      ],
      [`(name = 'old' or name = 'Portage') and trashed = false`, ['Portage']],
      [`name = 'old' or name = 'Portage' and trashed = false`, ['Portage', 'old']],
      [
        `trashed=false and ('${inner}' in parents) and (name='report 9.pdf') and (mimeType='application/vnd.google-apps.folder' or mimeType='application/pdf')`,
        ['Report 9.pdf'],
      ],
    ]

    for (const [q, result] of expected) expect([q, await names(q)]).toEqual([q, result])
  })

  it.each([
    'name',
    "name = 'open",
    "name = 'a' and",
    "(name = 'a'",
    "name < 'a'",
    "nonsense = 'a'",
    "trashed = 'maybe'",
    "'x' in friends",
    "modifiedTime > 'yesterday'",
    "name = 'a' name = 'b'",
    "title contains 'x'",
  ])('%s is refused', async (q) => {
    const { drive } = await filledDrive()

    const reply = await drive.call('GET', `/drive/v3/files?q=${encodeURIComponent(q)}`)

    expect(reply.status).toBe(400)
    expect(reply.json.error.errors[0]).toMatchObject({ reason: 'invalid', location: 'q' })
  })
})

describe('pages and order', () => {
  it('pages with a token until everything was shown once', async () => {
    const { drive } = await filledDrive()
    const seen: string[] = []
    let token: string | undefined
    let pages = 0
    do {
      const reply = await drive.call(
        'GET',
        `/drive/v3/files?pageSize=4${token === undefined ? '' : `&pageToken=${encodeURIComponent(token)}`}`,
      )
      seen.push(...reply.json.files.map((file: { id: string }) => file.id))
      token = reply.json.nextPageToken
      pages += 1
    } while (token !== undefined)

    expect(pages).toBe(2)
    expect(new Set(seen).size).toBe(6)
  })

  it('refuses a made-up token, an unknown order and a size below 1', async () => {
    const { drive } = await filledDrive()

    for (const query of ['pageToken=x', 'pageSize=0', 'pageSize=many', 'orderBy=colour']) {
      expect((await drive.call('GET', `/drive/v3/files?${query}`)).status).toBe(400)
    }
  })

  // "values above 1000 will be coerced to 1000"
  it('takes a size above 1000 for 1000', async () => {
    const { drive } = await filledDrive()

    expect((await drive.call('GET', '/drive/v3/files?pageSize=5000')).status).toBe(200)
  })

  it('orders by name, by natural name, by size descending and folders first', async () => {
    const { names, inner } = await filledDrive()
    const inside = `'${inner}' in parents`

    expect(await names(inside, '&orderBy=name')).toEqual(['report 10.pdf', 'Report 9.pdf'])
    expect(await names(inside, '&orderBy=name_natural')).toEqual(['Report 9.pdf', 'report 10.pdf'])
    expect(await names(inside, '&orderBy=quotaBytesUsed desc')).toEqual([
      'report 10.pdf',
      'Report 9.pdf',
    ])
    expect((await names('', '&orderBy=folder,name desc'))[0]).toBe('Portage')
  })
})

describe('fields', () => {
  it('are kind, incompleteSearch and four of each file by default', async () => {
    const { drive } = await filledDrive()

    const { json } = await drive.call('GET', '/drive/v3/files?pageSize=1')

    expect(Object.keys(json)).toEqual(['kind', 'incompleteSearch', 'nextPageToken', 'files'])
    expect(Object.keys(json.files[0])).toEqual(['kind', 'id', 'name', 'mimeType'])
  })

  it.each([
    ['files(id,size)', { files: [{ id: expect.any(String), size: '1' }] }],
    ['files/size', { files: [{ size: '1' }] }],
    ['files(capabilities/canEdit)', { files: [{ capabilities: { canEdit: true } }] }],
    [
      'files(capabilities(canEdit,canDelete)),kind',
      { kind: 'drive#fileList', files: [{ capabilities: { canEdit: true, canDelete: true } }] },
    ],
    ['nextPageToken', {}],
    ['files(name,exportLinks,shortcutDetails,resourceKey)', { files: [{ name: 'Report 9.pdf' }] }],
  ])('%s choose members', async (fields, expected) => {
    const { drive } = await filledDrive()

    const reply = await drive.call('GET', `/drive/v3/files?q=name='report 9.pdf'&fields=${fields}`)

    expect(reply.json).toEqual(expected)
  })

  it.each(['colour', 'files(colour)', 'files(id', 'files(id))', 'id', ',', 'files()'])(
    '%s is refused',
    async (fields) => {
      const { drive } = await filledDrive()

      const reply = await drive.call('GET', `/drive/v3/files?fields=${fields}`)

      expect(reply.status).toBe(400)
      expect(reply.json.error.errors[0]).toMatchObject({
        reason: 'invalidParameter',
        location: 'fields',
      })
    },
  )

  it('that are refused leave nothing behind', async () => {
    const { drive } = await filledDrive()

    expect((await drive.create({ name: 'never' }, 'colour')).status).toBe(400)
    expect(await drive.list("name = 'never'")).toEqual([])
  })
})
