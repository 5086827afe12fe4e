/** Whatever an owner's request gets wrong, the answer says it clearly and nothing is changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { Owner } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import { type BadInputWorld, nothingChanges, startBadInputWorld } from './bad-input-world.ts'

let world: BadInputWorld
let owner: Owner
let second: AppClient

beforeAll(async () => {
  world = await startBadInputWorld()
  owner = world.owner
  second = world.second
})
afterAll(() => world.test.close())

describe('creating a portal', () => {
  nothingChanges(() => world)
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
    const theirs = {
      slug: 'letters',
      storageAccountId: world.secondAccountIds.get(owner.portal.storageProvider),
    }
    await expectProblem(await create(theirs, second), 'SLUG_TAKEN', ['slug'])
  })

  it.each(PROVIDERS)('on $name, and an account of another owner, or none', async (provider) => {
    const theirs = world.secondAccountIds.get(provider.storageId)
    expect(theirs).toMatch(/^acc_/)
    for (const storageProvider of [provider.storageId, provider.id]) {
      for (const storageAccountId of [theirs, 'acc_0000000000000000000000000']) {
        await expectProblem(
          await create({ storageProvider, storageAccountId }),
          'ACCOUNT_NOT_FOUND',
          ['storageAccountId'],
        )
      }
      await expectProblem(
        await create({ storageProvider, storageAccountId: 'mine' }),
        'INVALID_REQUEST',
        ['storageAccountId'],
      )
    }
  })

  it.each(PROVIDERS)('on $name, and an own account at another provider', async (provider) => {
    const others = [...world.ownAccountIds].filter(
      ([storageId]) => storageId !== provider.storageId,
    )
    expect(others).toHaveLength(PROVIDERS.length - 1)
    for (const [, storageAccountId] of others) {
      for (const storageProvider of [provider.storageId, provider.id]) {
        await expectProblem(
          await create({ storageProvider, storageAccountId }),
          'INVALID_REQUEST',
          ['storageProvider'],
        )
      }
    }
  })

  it.each(PROVIDERS)('on $name, with a backup of another owner, or of none', async (provider) => {
    const storageAccountId = world.ownAccountIds.get(provider.storageId)
    const backups = [...world.secondAccountIds.values(), 'acc_0000000000000000000000000']
    for (const backup of backups) {
      const reply = await create({
        storageProvider: provider.storageId,
        storageAccountId,
        backupStorageAccountIds: [backup],
      })
      await expectProblem(reply, 'ACCOUNT_NOT_FOUND', ['backupStorageAccountIds'])
    }
  })

  it.each(['local', 'box', 'Google', 'google-drive', '__proto__', '', null, 7])(
    'on the provider %j',
    async (storageProvider) => {
      await expectProblem(await create({ storageProvider }), 'INVALID_REQUEST', ['storageProvider'])
    },
  )

  it('with fields that are not as they must be', async () => {
    await expectProblem(await create({ name: '  ' }), 'INVALID_REQUEST', ['name'])
    await expectProblem(await create({ name: 'n'.repeat(101) }), 'INVALID_REQUEST', ['name'])
    await expectProblem(await create({ requireClientName: 'yes' }), 'INVALID_REQUEST', [
      'requireClientName',
    ])
    await expectProblem(await create({ userId: 'usr_0' }), 'INVALID_REQUEST', ['userId'])
  })

  it('as a stranger, who learns nothing from the parser', async () => {
    await expectProblem(await create({ slug: '!' }, world.test.browser()), 'SESSION_REQUIRED')
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
  nothingChanges(() => world)

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
  nothingChanges(() => world)

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
