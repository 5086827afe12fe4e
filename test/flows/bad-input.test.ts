/** Whatever is wrong with a request, the answer says it clearly and nothing is changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient, AppRequest } from '../../infra/local/app-client.ts'
import type { ProblemCode } from '../../shared/contract/problems.ts'
import type { IntentReply, UploadPlan } from '../../shared/contract/uploads.ts'
import { complete, listParts, statuses, untilUploaded, withToken } from '../support/client-calls.ts'
import {
  announce,
  type Owner,
  putPart,
  putParts,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

let test: TestCloud
let owner: Owner
let second: AppClient
let secondAccountId: string
let client: AppClient
/** Under way during all tests, so that something could be changed. */
let pending: IntentReply
let foreign: IntentReply

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner({ portal: { slug: 'letters' } })
  second = test.browser()
  await second.signIn(SECOND_OWNER)
  secondAccountId = await second.connectStorage(SECOND_OWNER)
  client = test.browser()
  pending = await announce(client, owner.portal.id, [
    { name: 'put.bin', content: Buffer.from('four') },
    { name: 'parts.bin', content: Buffer.alloc(17 * MIB) },
  ])
  foreign = await announce(client, owner.portal.id, [
    { name: 'foreign.bin', content: Buffer.from('f') },
  ])
})
afterAll(() => test.close())

/** Everything that a request could change, as its owners and clients see it. */
async function everything(): Promise<unknown> {
  return Promise.all([
    ...[owner.http, second].flatMap((http) =>
      ['/api/portals', '/api/v1/uploads', '/api/storage/accounts'].map((path) =>
        http.call('GET', path),
      ),
    ),
    test.delivered(),
    statuses(client, pending),
    ...pending.uploads.map(({ uploadId }) => listParts(client, pending.uploadToken, uploadId)),
  ])
}

/** After all tests of a suite nothing is other than before them. */
function nothingChanges(): void {
  let before: unknown
  beforeAll(async () => {
    before = await everything()
  })
  afterAll(async () => {
    expect(await everything()).toEqual(before)
  })
}

const FILE = { fileName: 'a.txt', fileSize: 1, mimeType: 'text/plain' }

describe('announcing files', () => {
  nothingChanges()
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

describe('creating a portal', () => {
  nothingChanges()
  const create = (body: object, http = owner.http) =>
    http.send('POST', '/api/portals', {
      json: {
        name: 'Another',
        slug: 'another',
        storageProvider: 'google_drive',
        storageAccountId: owner.accountId,
        ...body,
      },
    })

  it.each([
    'ab',
    'Letters',
    '-letters',
    'letters-',
    'let--ters',
    'let ters',
    'let/ters',
    'let_ters',
    'lettérs',
    'l'.repeat(64),
    'admin',
    'api',
    '',
    7,
  ])('with the link %j', async (slug) => {
    await expectProblem(await create({ slug }), 'INVALID_REQUEST', ['slug'])
  })

  it('with a link that is taken, by themselves or by another owner', async () => {
    await expectProblem(await create({ slug: 'letters' }), 'SLUG_TAKEN', ['slug'])
    const theirs = { slug: 'letters', storageAccountId: secondAccountId }
    await expectProblem(await create(theirs, second), 'SLUG_TAKEN', ['slug'])
  })

  it('on an account of another owner, or none, or of another provider', async () => {
    for (const storageAccountId of [secondAccountId, 'acc_0000000000000000000000000']) {
      await expectProblem(await create({ storageAccountId }), 'ACCOUNT_NOT_FOUND', [
        'storageAccountId',
      ])
    }
    await expectProblem(await create({ storageAccountId: 'mine' }), 'INVALID_REQUEST', [
      'storageAccountId',
    ])
    await expectProblem(await create({ storageProvider: 'dropbox' }), 'INVALID_REQUEST', [
      'storageProvider',
    ])
    await expectProblem(await create({ storageProvider: 'local' }), 'INVALID_REQUEST', [
      'storageProvider',
    ])
  })

  it('with fields that are not as they must be', async () => {
    await expectProblem(await create({ name: '  ' }), 'INVALID_REQUEST', ['name'])
    await expectProblem(await create({ name: 'n'.repeat(101) }), 'INVALID_REQUEST', ['name'])
    await expectProblem(await create({ requireClientName: 'yes' }), 'INVALID_REQUEST', [
      'requireClientName',
    ])
    await expectProblem(await create({ userId: 'usr_0' }), 'INVALID_REQUEST', ['userId'])
  })

  it('as a stranger, who learns nothing from the parser', async () => {
    await expectProblem(await create({ slug: '!' }, test.browser()), 'SESSION_REQUIRED')
  })

  it('from another site', async () => {
    const reply = await owner.http.send('POST', '/api/portals', {
      headers: { origin: 'https://example.org' },
      json: {},
    })
    await expectProblem(reply, 'FORBIDDEN_ORIGIN')
  })

  it('that is of another owner cannot be read either', async () => {
    await expectProblem(
      await second.send('GET', `/api/portals/${owner.portal.id}`),
      'PORTAL_NOT_FOUND',
    )
  })
})

describe('lists', () => {
  nothingChanges()

  it.each(['/api/portals', '/api/v1/uploads'])('%s', async (path) => {
    for (const limit of ['0', '101', '-1', '1.5', 'many']) {
      await expectProblem(
        await owner.http.send('GET', `${path}?limit=${limit}`),
        'INVALID_REQUEST',
        ['limit'],
      )
    }
    const forged = Buffer.from('2026-01-01T00:00:00Z#../session').toString('base64url')
    for (const cursor of ['x', '', '%00', forged]) {
      await expectProblem(
        await owner.http.send('GET', `${path}?cursor=${cursor}`),
        'INVALID_REQUEST',
        ['cursor'],
      )
    }
    await expectProblem(
      await owner.http.send('GET', `${path}?limit=1&limit=2`),
      'INVALID_REQUEST',
      ['limit'],
    )
    await expectProblem(await owner.http.send('GET', `${path}?colour=red`), 'INVALID_REQUEST', [
      'colour',
    ])
  })

  it('a filter that is no id', async () => {
    await expectProblem(
      await owner.http.send('GET', '/api/v1/uploads?portalId=letters'),
      'INVALID_REQUEST',
      ['portalId'],
    )
  })
})

describe('addresses', () => {
  nothingChanges()

  it.each([
    ['GET', '/api/nothing'],
    ['GET', '/api/portals/public/letters/more'],
    ['PUT', '/api/portals'],
    ['DELETE', '/api/portals'],
    ['GET', '/api/upload'],
    ['POST', '/api/uploads/upl_0'],
    ['PATCH', '/api/upload/upl_0'],
  ])('%s %s leads nowhere', async (method, path) => {
    await expectProblem(await owner.http.send(method, path), 'NOT_FOUND')
  })

  it.each([
    '/api/uploads/upl_0000000000000000000000000',
    '/api/uploads/..%2F..%2Fsession',
    '/api/uploads/%00',
    '/api/uploads/x/download',
  ])('%s is no file', async (path) => {
    await expectProblem(await owner.http.send('GET', path), 'UPLOAD_NOT_FOUND')
  })
})

describe('tokens of a client', () => {
  nothingChanges()

  /** Every call that needs a client's token to change or tell something. */
  function calls(): { method: string; path: string; json?: unknown; notFound: ProblemCode }[] {
    const { uploadId } = planAt(pending, 1)
    const { submissionId } = pending
    const notFound = 'UPLOAD_NOT_FOUND'
    return [
      {
        method: 'POST',
        path: `/api/upload/${uploadId}/parts`,
        json: { partNumbers: [1] },
        notFound,
      },
      { method: 'GET', path: `/api/upload/${uploadId}/parts`, notFound },
      { method: 'POST', path: `/api/upload/${uploadId}/complete`, json: {}, notFound },
      { method: 'DELETE', path: `/api/upload/${uploadId}`, notFound },
      {
        method: 'POST',
        path: `/api/submissions/${submissionId}/complete`,
        json: { uploads: [{ uploadId }] },
        notFound,
      },
      {
        method: 'POST',
        path: '/api/upload',
        json: { portalId: owner.portal.id, submissionId, files: [FILE] },
        notFound: 'SUBMISSION_NOT_FOUND',
      },
      {
        method: 'GET',
        path: `/api/submissions/${submissionId}`,
        notFound: 'SUBMISSION_NOT_FOUND',
      },
    ]
  }

  async function expectOfAll(headers: Record<string, string>, code: ProblemCode): Promise<void> {
    for (const { method, path, json } of calls()) {
      const request = json === undefined ? { headers } : { headers, json }
      await expectProblem(await client.send(method, path, request), code)
    }
  }

  it('missing, or of another kind', async () => {
    await expectOfAll({}, 'TOKEN_REQUIRED')
    await expectOfAll({ authorization: `Basic ${pending.uploadToken}` }, 'TOKEN_REQUIRED')
  })

  it('malformed or forged', async () => {
    const [body = '', mac = ''] = pending.uploadToken.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const altered = Buffer.from(JSON.stringify({ ...claims, expiresAtMs: 9e15 })).toString(
      'base64url',
    )
    const readBody = pending.readToken.split('.')[0] ?? ''
    const lastFlipped = mac.startsWith('A') ? `B${mac.slice(1)}` : `A${mac.slice(1)}`
    for (const token of [
      'x',
      '.',
      body,
      `${body}.`,
      `${body}.${lastFlipped}`,
      `${altered}.${mac}`,
      `${readBody}.${mac}`,
      `${pending.uploadToken}.x`,
      'e30.e30',
    ]) {
      const { method, path, json } = calls()[2] ?? { method: '', path: '' }
      await expectProblem(await withToken(client, token, method, path, { json }), 'TOKEN_INVALID')
    }
    await expectOfAll({ authorization: `Bearer ${altered}.${mac}` }, 'TOKEN_INVALID')
  })

  it('that may only read', async () => {
    for (const { method, path, json } of calls().slice(0, -1)) {
      const request = json === undefined ? {} : { json }
      const reply = await withToken(client, pending.readToken, method, path, request)
      await expectProblem(reply, 'TOKEN_INVALID')
    }
  })

  it('of another hand-over', async () => {
    for (const { method, path, json, notFound } of calls()) {
      const request = json === undefined ? {} : { json }
      const reply = await withToken(client, foreign.uploadToken, method, path, request)
      await expectProblem(reply, notFound)
    }
  })
})

describe('the status of a hand-over', () => {
  it.each(['-1', '1.5', 'x', '999996', '999999', '1000000', '%00'])(
    'has no page %s',
    async (cursor) => {
      const path = `/api/submissions/${pending.submissionId}?cursor=${cursor}`

      await expectProblem(
        await withToken(client, pending.readToken, 'GET', path),
        'INVALID_REQUEST',
        ['cursor'],
      )
    },
  )
})

describe('an upload under way', () => {
  nothingChanges()
  const parts = (uploadId: string, partNumbers: unknown) =>
    withToken(client, pending.uploadToken, 'POST', `/api/upload/${uploadId}/parts`, {
      json: { partNumbers },
    })
  const completePending = (index: number, json?: unknown) =>
    complete(client, pending.uploadToken, planAt(pending, index).uploadId, json)

  it('has no part 0 and none beyond its last', async () => {
    const { uploadId, partCount } = planAt(pending, 1)
    for (const outside of [0, -1, partCount + 1, 10_001]) {
      await expectProblem(await parts(uploadId, [1, outside]), 'PART_OUT_OF_RANGE', [
        'partNumbers.1',
      ])
    }
    await expectProblem(await parts(planAt(pending, 0).uploadId, [2]), 'PART_OUT_OF_RANGE', [
      'partNumbers.0',
    ])
  })

  it('signs no list of parts that is none', async () => {
    const { uploadId } = planAt(pending, 1)
    const many = Array.from({ length: 101 }, () => 1)
    await expectProblem(await parts(uploadId, []), 'INVALID_REQUEST', ['partNumbers'])
    await expectProblem(await parts(uploadId, many), 'INVALID_REQUEST', ['partNumbers'])
    await expectProblem(await parts(uploadId, [1.5]), 'INVALID_REQUEST', ['partNumbers.0'])
    await expectProblem(await parts(uploadId, ['1']), 'INVALID_REQUEST', ['partNumbers.0'])
    await expectProblem(await parts(uploadId, undefined), 'INVALID_REQUEST', ['partNumbers'])
  })

  it('is not complete while S3 has nothing of it, whatever the client says', async () => {
    const invented = [1, 2, 3].map((partNumber) => ({ partNumber, etag: `"${'0'.repeat(32)}"` }))

    await expectProblem(await completePending(0), 'UPLOAD_INCOMPLETE')
    await expectProblem(await completePending(1), 'UPLOAD_INCOMPLETE')
    await expectProblem(await completePending(1, { parts: invented }), 'UPLOAD_INCOMPLETE')
    const [first, second] = invented
    for (const wrong of [[first], [first, second], [first, first, second]]) {
      await expectProblem(await completePending(1, { parts: wrong }), 'UPLOAD_INCOMPLETE')
    }
  })

  it('is not completed by a body that says something else', async () => {
    for (const [json, field] of [
      [{ contentHash: 'x' }, 'contentHash'],
      [{ contentHash: 'A'.repeat(64) }, 'contentHash'],
      [{ parts: [] }, 'parts'],
      [{ parts: [{ partNumber: 0, etag: 'x' }] }, 'parts.0.partNumber'],
      [{ status: 'uploaded' }, 'status'],
    ] as const) {
      await expectProblem(await completePending(0, json), 'INVALID_REQUEST', [field])
    }
  })

  it('is not completed together with a file of another hand-over', async () => {
    const json = {
      uploads: [planAt(pending, 0), planAt(foreign, 0)].map(({ uploadId }) => ({ uploadId })),
    }
    const path = `/api/submissions/${pending.submissionId}/complete`

    await expectProblem(
      await withToken(client, pending.uploadToken, 'POST', path, { json }),
      'UPLOAD_NOT_FOUND',
    )
  })
})

describe('a file that lacks a part', () => {
  it('is refused with and without a list, and complete once the part is there', async () => {
    const content = Buffer.alloc(17 * MIB, 'p')
    const intent = await announce(client, owner.portal.id, [{ name: 'lacking.bin', content }])
    const plan = planAt(intent, 0)
    const [first, second, third] = plan.partUrls
    if (!first || !second || !third) throw new Error('three parts were to be signed')
    const put = [
      { partNumber: 1, etag: await putPart(first, content.subarray(0, 8 * MIB)) },
      { partNumber: 2, etag: await putPart(second, content.subarray(8 * MIB, 16 * MIB)) },
    ]
    const uncompleted = (json: unknown) => complete(client, intent.uploadToken, plan.uploadId, json)

    await expectProblem(await uncompleted({}), 'UPLOAD_INCOMPLETE')
    await expectProblem(await uncompleted({ parts: put }), 'UPLOAD_INCOMPLETE')
    const claimed = { partNumber: 3, etag: put[0]?.etag ?? '' }
    await expectProblem(await uncompleted({ parts: [...put, claimed] }), 'UPLOAD_INCOMPLETE')
    expect(await statuses(client, intent)).toEqual(['pending'])

    await putPart(third, content.subarray(16 * MIB))
    expect((await uncompleted({})).status).toBe(202)
    await untilUploaded(client, intent)
  })
})

describe('a file whose hash is not what the client says', () => {
  it('is rejected for its owner to see, and nothing of it stays at the provider', async () => {
    const content = Buffer.alloc(17 * MIB, 'h')
    const intent = await announce(client, owner.portal.id, [{ name: 'other hash.bin', content }])
    const { uploadId } = planAt(intent, 0)
    await putParts(client, intent.uploadToken, planAt(intent, 0), content)

    const contentHash = '0'.repeat(64)
    const reply = await complete(client, intent.uploadToken, uploadId, { contentHash })

    expect(reply.status).toBe(202)
    await until(async () => (await statuses(client, intent))[0] === 'rejected')
    expect(await owner.http.call('GET', `/api/uploads/${uploadId}`)).toMatchObject({
      status: 'rejected',
      reason: 'CONTENT_CHANGED',
      storageAccountId: null,
    })
    await until(async () => !(await test.delivered()).some(({ name }) => name === 'other hash.bin'))
  })
})

describe('a file that is received', () => {
  it('is received however often it is completed, and can no longer be taken back or added to', async () => {
    const content = Buffer.from('received')
    const intent = await announce(client, owner.portal.id, [{ name: 'received.txt', content }])
    const { uploadId } = planAt(intent, 0)
    await putParts(client, intent.uploadToken, planAt(intent, 0), content)

    const replies = await Promise.all(
      [1, 2, 3].map(() => complete(client, intent.uploadToken, uploadId)),
    )
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202])
    await untilUploaded(client, intent)

    const token = intent.uploadToken
    const path = `/api/upload/${uploadId}`
    await expectProblem(await withToken(client, token, 'DELETE', path), 'UPLOAD_CLOSED')
    await expectProblem(await withToken(client, token, 'GET', `${path}/parts`), 'UPLOAD_CLOSED')
    const sign = { json: { partNumbers: [1] } }
    await expectProblem(
      await withToken(client, token, 'POST', `${path}/parts`, sign),
      'UPLOAD_CLOSED',
    )
    expect((await complete(client, token, uploadId)).status).toBe(202)
    expect(await statuses(client, intent)).toEqual(['uploaded'])
    expect((await test.delivered()).filter(({ name }) => name === 'received.txt')).toHaveLength(1)
  })
})

describe('too much', () => {
  it('is signing one part more than twenty times', async () => {
    const intent = await announce(client, owner.portal.id, [
      { name: 'often.bin', content: Buffer.alloc(17 * MIB) },
    ])
    const { uploadId } = planAt(intent, 0)
    const sign = (partNumbers: number[]) =>
      withToken(client, intent.uploadToken, 'POST', `/api/upload/${uploadId}/parts`, {
        json: { partNumbers },
      })

    // The first of twenty came with the intent.
    for (let signing = 2; signing <= 20; signing++) expect((await sign([2])).status).toBe(200)

    await expectProblem(await sign([2]), 'TOO_MANY_SIGNINGS')
    expect((await sign([1, 3])).status).toBe(200)
  })
})

describe('a token that has expired', () => {
  it('opens nothing any more, while the read token still tells', async () => {
    const content = Buffer.from('kept')
    const intent = await announce(client, owner.portal.id, [{ name: 'kept.txt', content }])
    const { uploadId } = planAt(intent, 0)
    await putParts(client, intent.uploadToken, planAt(intent, 0), content)
    await complete(client, intent.uploadToken, uploadId)
    await untilUploaded(client, intent)

    await test.cloud.advanceClock(24 * 60 * 60 + 1)

    await expectProblem(await complete(client, intent.uploadToken, uploadId), 'TOKEN_EXPIRED')
    await expectProblem(
      await withToken(client, intent.uploadToken, 'DELETE', `/api/upload/${uploadId}`),
      'TOKEN_EXPIRED',
    )
    expect(await statuses(client, intent)).toEqual(['uploaded'])
    await test.cloud.advanceClock(29 * 24 * 60 * 60)
    await expectProblem(
      await withToken(client, intent.readToken, 'GET', `/api/submissions/${intent.submissionId}`),
      'TOKEN_EXPIRED',
    )
  })
})

function planAt({ uploads }: IntentReply, index: number): UploadPlan {
  const plan = uploads[index]
  if (!plan) throw new Error(`there is no plan ${index}`)
  return plan
}
