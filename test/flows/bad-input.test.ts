/** Whatever is wrong with a request, the answer says it clearly and nothing is changed. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { AppClient, AppRequest } from '../../infra/local/app-client.ts'
import type { ProblemCode } from '../../shared/contract/problems.ts'
import type { Owner } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { type BadInputWorld, FILE, nothingChanges, startBadInputWorld } from './bad-input-world.ts'

const MIB = 1024 * 1024

let world: BadInputWorld
let owner: Owner
let client: AppClient

beforeAll(async () => {
  world = await startBadInputWorld()
  owner = world.owner
  client = world.client
})
afterAll(() => world.test.close())

describe('announcing files', () => {
  nothingChanges(() => world)
  const post = (request: AppRequest) => client.send('POST', '/api/upload', request)
  const deep = `${'d/'.repeat(11)}a.txt`
  const folders = Array.from({ length: 50 }, (_, index) => ({
    ...FILE,
    relativePath: `${index}/b/c/d/e/a.txt`,
  }))
  const withFile = (file: object) => ({ files: [{ ...FILE, ...file }] })

  it.each<[what: string, body: object, code: ProblemCode, fields: string[]]>([
    [
      'an unknown portal',
      { portalId: 'prt_0000000000000000000000000', files: [FILE] },
      'PORTAL_NOT_FOUND',
      [],
    ],
    ['an ill-formed portal', { portalId: '../x', files: [FILE] }, 'INVALID_REQUEST', ['portalId']],
    ['no portal', { portalId: undefined, files: [FILE] }, 'INVALID_REQUEST', ['portalId']],
    ['no files', {}, 'INVALID_REQUEST', ['files']],
    ['an empty list of files', { files: [] }, 'INVALID_REQUEST', ['files']],
    ['51 files', { files: Array.from({ length: 51 }, () => FILE) }, 'INVALID_REQUEST', ['files']],
    ['a flat file beside files', { ...FILE, files: [FILE] }, 'INVALID_REQUEST', ['fileName']],
    ['a flat file without a size', { fileName: 'a.txt' }, 'INVALID_REQUEST', ['fileSize']],
    ['an unknown field', { files: [FILE], colour: 'red' }, 'INVALID_REQUEST', ['colour']],
    [
      'an unknown field of a file',
      withFile({ storageAccountId: 'acc_0' }),
      'INVALID_REQUEST',
      ['files.0.storageAccountId'],
    ],
    ['somebody as the owner', { files: [FILE], userId: 'usr_0' }, 'INVALID_REQUEST', ['userId']],
    ['a path as the name', withFile({ fileName: 'a/b' }), 'INVALID_REQUEST', ['files.0.fileName']],
    [
      'a Windows path as the name',
      withFile({ fileName: '..\\b' }),
      'INVALID_REQUEST',
      ['files.0.fileName'],
    ],
    ['.. as the name', withFile({ fileName: '..' }), 'INVALID_REQUEST', ['files.0.fileName']],
    ['an empty name', withFile({ fileName: '' }), 'INVALID_REQUEST', ['files.0.fileName']],
    [
      'a name of 256 characters',
      withFile({ fileName: 'n'.repeat(256) }),
      'INVALID_REQUEST',
      ['files.0.fileName'],
    ],
    [
      '.. in the path',
      withFile({ relativePath: 'x/../a.txt' }),
      'INVALID_REQUEST',
      ['files.0.relativePath'],
    ],
    [
      'an absolute path',
      withFile({ relativePath: '/etc/a.txt' }),
      'INVALID_REQUEST',
      ['files.0.relativePath'],
    ],
    [
      'a path to another name',
      withFile({ relativePath: 'x/b.txt' }),
      'INVALID_REQUEST',
      ['files.0.relativePath'],
    ],
    [
      'a path of eleven folders',
      withFile({ relativePath: deep }),
      'INVALID_REQUEST',
      ['files.0.relativePath'],
    ],
    [
      '.. in the path of a flat file',
      { ...FILE, relativePath: '../a.txt' },
      'INVALID_REQUEST',
      ['relativePath'],
    ],
    ['250 folders', { files: folders }, 'INVALID_REQUEST', ['files']],
    ['a negative size', withFile({ fileSize: -1 }), 'INVALID_REQUEST', ['files.0.fileSize']],
    ['half a byte', withFile({ fileSize: 0.5 }), 'INVALID_REQUEST', ['files.0.fileSize']],
    ['a size in words', withFile({ fileSize: '1' }), 'INVALID_REQUEST', ['files.0.fileSize']],
    [
      'a size that no provider takes',
      withFile({ fileSize: 5_120_000_000_001 }),
      'INVALID_REQUEST',
      ['files.0.fileSize'],
    ],
    [
      'an address that is none',
      { files: [FILE], clientEmail: 'ada' },
      'INVALID_REQUEST',
      ['clientEmail'],
    ],
    [
      'several mistakes at once',
      { files: [{ ...FILE, fileSize: -1, fileName: 'a/b' }], colour: 'red' },
      'INVALID_REQUEST',
      ['files.0.fileName', 'files.0.fileSize', 'colour'],
    ],
  ])('with %s', async (_what, body, code, fields) => {
    const reply = await post({ json: { portalId: owner.portal.id, ...body } })

    await expectProblem(reply, code, fields)
  })

  it.each<[what: string, type: string, body: string, code: ProblemCode, fields: string[]]>([
    ['broken JSON', 'application/json', '{"portalId": "prt_', 'MALFORMED_JSON', []],
    ['an empty body', 'application/json', '', 'MALFORMED_JSON', []],
    ['a list', 'application/json', '[]', 'INVALID_REQUEST', ['']],
    ['null', 'application/json', 'null', 'INVALID_REQUEST', ['']],
    ['another content type', 'text/plain', '{}', 'UNSUPPORTED_MEDIA_TYPE', []],
    ['a form without a boundary', 'multipart/form-data', 'x', 'UNSUPPORTED_MEDIA_TYPE', []],
    [
      'a form that ends early',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf',
      'INVALID_REQUEST',
      [],
    ],
  ])('as %s', async (_what, type, body, code, fields) => {
    const reply = await post({ headers: { 'content-type': type }, body })

    await expectProblem(reply, code, fields)
  })

  it.each<[what: string, fields: [string, string | Blob][], code: ProblemCode, named: string[]]>([
    ['without a file', [], 'INVALID_REQUEST', ['file']],
    ['with an unknown field', [['colour', 'red']], 'INVALID_REQUEST', ['colour']],
    [
      'with a field named like a prototype',
      [['__proto__', 'red']],
      'INVALID_REQUEST',
      ['__proto__'],
    ],
    ['with a field given twice', [['portalId', 'prt_0']], 'INVALID_REQUEST', ['portalId']],
    [
      'with two files',
      [
        ['file', new Blob(['1'])],
        ['file', new Blob(['2'])],
      ],
      'INVALID_REQUEST',
      ['file'],
    ],
    ['with a file called otherwise', [['upload', new Blob(['1'])]], 'INVALID_REQUEST', ['upload']],
    [
      'with a file of more than 4 MiB',
      [['file', new Blob([new Uint8Array(4 * MIB + 1)])]],
      'FILE_TOO_LARGE',
      [],
    ],
  ])('as a form %s', async (_what, fields, code, named) => {
    const body = new FormData()
    body.append('portalId', owner.portal.id)
    for (const [name, value] of fields) {
      if (typeof value === 'string') body.append(name, value)
      else body.append(name, value, 'a.txt')
    }

    await expectProblem(await post({ body }), code, named)
  })

  it('as a form with a path in the name of the file', async () => {
    const body = new FormData()
    body.append('portalId', owner.portal.id)
    body.append('file', new Blob(['1']), '../a.txt')

    await expectProblem(await post({ body }), 'INVALID_REQUEST', ['file.fileName'])
  })
})
