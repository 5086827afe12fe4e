/** An owner who has Dropbox, alone and beside Drive: from sign-in to deletion. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import type { SessionReply } from '../../shared/contract/auth.ts'
import type { OauthProviderId, StorageProviderId } from '../../shared/contract/common.ts'
import type { EventsReply } from '../../shared/contract/events.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { UploadReply } from '../../shared/contract/uploads.ts'
import { sha256, submissionStatus, untilUploaded } from '../support/client-calls.ts'
import {
  announce,
  type ClientFile,
  complete,
  createPortal,
  handOver,
  OWNER,
  type Owner,
  putParts,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

const SMALL = { name: 'letter.pdf', content: randomBytes(3000), relativePath: 'mail/letter.pdf' }
const EMPTY = { name: 'empty.txt', content: Buffer.alloc(0) }
/** More than one request of an upload session, and more than one PUT to the bucket. */
const LARGE = { name: 'Größe 5 %.bin', content: randomBytes(17 * MIB) }

/** Bytes are sent as they come from the bucket; the hash of the whole file is what proves it. */
const OPTIONAL_RULE = 'a content hash with content'

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner({ provider: 'dropbox' })
})
afterAll(() => test.close())

const inDropbox = (email = OWNER) => test.delivered(email, 'dropbox')

function file(name: string, sizeBytes = 500): ClientFile {
  return { name, content: randomBytes(sizeBytes) }
}

/** Returns what the owner sees of the files, in their order. */
async function deliver(portalId: string, files: ClientFile[]): Promise<UploadReply[]> {
  const client = test.browser()
  const { intent, uploadIds } = await handOver(client, portalId, files)
  await untilUploaded(client, intent)
  return Promise.all(uploadIds.map(upload))
}

function upload(uploadId: string): Promise<UploadReply> {
  return owner.http.call<UploadReply>('GET', `/api/uploads/${uploadId}`)
}

function download({ id }: UploadReply): Promise<Response> {
  return owner.http.send('GET', `/api/uploads/${id}/download`)
}

async function hashOf(response: Response): Promise<string> {
  return sha256(Buffer.from(await response.arrayBuffer()))
}

describe('signing in with Dropbox', () => {
  it('tells who the owner is', async () => {
    const { user } = await owner.http.call<SessionReply>('GET', '/api/auth/session')

    expect(user).toMatchObject({ email: OWNER, name: 'Olivia Owner', image: null })
  })

  it('finds the same owner again, and never the one who has that address at Google', async () => {
    const whoIs = async (provider: OauthProviderId) => {
      const http = test.browser()
      await http.signIn(OWNER, { provider })
      return (await http.call<SessionReply>('GET', '/api/auth/session')).user.id
    }
    const { user } = await owner.http.call<SessionReply>('GET', '/api/auth/session')

    expect(await whoIs('dropbox')).toBe(user.id)
    expect(await whoIs('google')).not.toBe(user.id)
  })

  it('that is denied opens no session', async () => {
    const http = test.browser()
    const page = await http.visit('/api/auth/login/dropbox')

    const end = await http.consent(page, { email: OWNER, decision: 'deny' })

    expect(end.status).toBe(403)
    expect(JSON.parse(end.body)).toMatchObject({ code: 'SIGN_IN_DENIED' })
    await expectProblem(await http.send('GET', '/api/auth/session'), 'SESSION_REQUIRED')
  })
})

describe('connecting Dropbox', () => {
  it('makes an account that takes files', async () => {
    const { accounts } = await owner.http.call<AccountsReply>('GET', '/api/storage/accounts')

    expect(accounts).toEqual([
      expect.objectContaining({
        provider: 'dropbox',
        storageProvider: 'dropbox',
        storageAccountId: owner.accountId,
        storageStatus: 'ACTIVE',
        email: OWNER,
        isAuthAccount: true,
        hasValidOAuth: true,
        isConnected: true,
      }),
    ])
  })

  it.each([
    ['is denied', { decision: 'deny' as const }, 'ACCESS_DENIED'],
    [
      'leaves out a permission',
      { withoutScopes: ['files.content.write'] },
      'STORAGE_PERMISSION_MISSING',
    ],
  ])('that %s changes nothing and says so', async (_, answer, code) => {
    const page = await owner.http.visit('/api/oauth/dropbox/start?returnTo=/accounts')

    const end = await owner.http.consent(page, { email: SECOND_OWNER, ...answer })

    expect(end.url.pathname).toBe('/accounts')
    expect(end.url.searchParams.get('connectError')).toBe(code)
    const { accounts } = await owner.http.call<AccountsReply>('GET', '/api/storage/accounts')
    expect(accounts).toHaveLength(1)
  })
})

describe('a portal on Dropbox', () => {
  let delivered: UploadReply[]

  beforeAll(async () => {
    delivered = await deliver(owner.portal.id, [SMALL, EMPTY, LARGE])
  })

  it('brings files of every size there, once and unchanged', async () => {
    const held = await inDropbox()

    for (const { name, content } of [SMALL, EMPTY, LARGE]) {
      const copies = held.filter((copy) => copy.name === name)
      expect(copies, name).toMatchObject([{ size: content.length, sha256: sha256(content) }])
    }
    expect(await test.delivered(OWNER, 'google')).toEqual([])
  })

  it('says where they are', async () => {
    const held = await inDropbox()

    for (const [index, { name, relativePath = name }] of (
      [SMALL, EMPTY, LARGE] as ClientFile[]
    ).entries()) {
      const copy = held.find((each) => each.name === name)
      expect(copy?.path).toBe(`/Portage/Letters/${relativePath}`)
      expect(delivered[index]).toMatchObject({
        fileName: name,
        status: 'uploaded',
        storageProvider: 'dropbox',
        storageAccountId: owner.accountId,
        storagePath: `Portage/Letters/${relativePath}`,
        storageFileId: copy?.id,
      })
    }
  })

  it('keeps every published rule', async () => {
    const requests = await test.providerRequests('dropbox')
    const operations = requests.map(({ operation }) => operation)

    expect(operations).toEqual(expect.arrayContaining(['oauth.authorize', 'oauth.token.code']))
    const broken = requests.flatMap(({ brokenRules = [] }) => brokenRules)
    expect(broken.filter((rule) => rule !== OPTIONAL_RULE)).toEqual([])
  })

  it.each([
    [0, SMALL],
    [1, EMPTY],
  ])('gives a small file back at once (%i)', async (index, { content }) => {
    const response = await download(delivered[index] as UploadReply)

    expect(response.status).toBe(200)
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(await hashOf(response)).toBe(sha256(content))
  })

  it('leads to a large file by a link of Dropbox’s own', async () => {
    const response = await download(delivered[2] as UploadReply)

    expect(response.status).toBe(302)
    const link = new URL(response.headers.get('location') ?? '')
    expect(link.origin).toBe(test.cloud.urls.dropbox)
    expect(await hashOf(await fetch(link))).toBe(sha256(LARGE.content))
  })

  it('deletes a file there and here', async () => {
    const [{ id, storageFileId }] = (await deliver(owner.portal.id, [file('gone.txt')])) as [
      UploadReply,
    ]

    const reply = await owner.http.call('DELETE', `/api/uploads/${id}`)

    expect(reply).toMatchObject({ deletedFromCloud: true, deletedFromDatabase: true })
    expect((await inDropbox()).filter((copy) => copy.id === storageFileId)).toEqual([])
    expect(await upload(id)).toMatchObject({ status: 'deleted' })
  })
})

describe('names', () => {
  it.each([
    ['what many systems refuse', 'a:b*c? "d" <e>|.txt', 'a:b*c? "d" <e>|.txt'],
    ['accents in two spellings', 'Re\u0301sume\u0301.pdf', 'Résumé.pdf'],
    ['an emoji', 'photo 📷.jpg', 'photo 📷.jpg'],
    ['a name that Dropbox keeps for systems', 'Thumbs.db', '_Thumbs.db'],
    ['a dot at the end', 'ends with a dot.', 'ends with a dot.'],
    ['a space at the end', 'ends with a space ', 'ends with a space_'],
    ['a formula', '=1+1.csv', '=1+1.csv'],
  ])('with %s arrive as Dropbox takes them, and are shown as they were', async (_, name, there) => {
    const sent = file(name)

    const [seen] = await deliver(owner.portal.id, [sent])

    expect(seen).toMatchObject({ fileName: name, storagePath: `Portage/Letters/${there}` })
    const copy = (await inDropbox()).find(({ id }) => id === seen?.storageFileId)
    expect(copy).toMatchObject({ name: there, sha256: sha256(sent.content) })
  })

  it('that differ by nothing that Dropbox tells apart do not overwrite each other', async () => {
    const names = [
      'Report.txt',
      'REPORT.TXT',
      'report.txt',
      'Ünder.txt',
      'ünder.txt',
      'U\u0308NDER.txt',
    ]
    const files = names.map((name) => file(name))

    const seen = await deliver(owner.portal.id, files)

    const held = await inDropbox()
    const there = seen.map(({ storageFileId }) => held.find(({ id }) => id === storageFileId))
    expect(there.map((copy) => copy?.sha256)).toEqual(files.map(({ content }) => sha256(content)))
    expect(new Set(there.map((copy) => copy?.path.toLowerCase())).size).toBe(names.length)
    expect(seen.map(({ fileName }) => fileName)).toEqual(names)
  })
})

describe('accounts of both providers', () => {
  /** By provider and e-mail. */
  const ids = new Map<string, string>()
  const idOf = (provider: OauthProviderId, email: string) => ids.get(`${provider} ${email}`) ?? ''

  beforeAll(async () => {
    for (const provider of ['google', 'dropbox'] as const) {
      for (const email of [OWNER, SECOND_OWNER]) {
        ids.set(`${provider} ${email}`, await owner.http.connectStorage(email, { provider }))
      }
    }
  })

  it('stand beside each other, one row each', async () => {
    const { accounts } = await owner.http.call<AccountsReply>('GET', '/api/storage/accounts')

    expect(accounts).toHaveLength(4)
    expect(idOf('dropbox', OWNER)).toBe(owner.accountId)
    for (const { provider, email, storageAccountId, storageStatus, isAuthAccount } of accounts) {
      expect(storageAccountId).toBe(idOf(provider, email ?? ''))
      expect(storageStatus).toBe('ACTIVE')
      expect(isAuthAccount).toBe(storageAccountId === owner.accountId)
    }
  })

  it('cannot be told apart by their provider alone', async () => {
    const reply = await owner.http.send('POST', '/api/storage/deactivate', {
      json: { provider: 'dropbox' },
    })

    await expectProblem(reply, 'AMBIGUOUS_ACCOUNT')
  })

  it('a portal names its account by the provider that it belongs to', async () => {
    const reply = await owner.http.send('POST', '/api/portals', {
      json: {
        name: 'Mixed up',
        slug: 'mixed-up',
        storageProvider: 'google_drive',
        storageAccountId: owner.accountId,
      },
    })

    expect(reply.status).toBe(400)
  })

  it('each takes the files of its own portals, under equal names too', async () => {
    const sent = new Map([...ids.keys()].map((who) => [who, file('same.bin')]))
    const deliveries = [...sent].map(async ([who, same]) => {
      const [provider] = who.split(' ') as [OauthProviderId]
      const storageAccountId = ids.get(who) ?? ''
      const portal = await createPortal(owner.http, storageAccountId, {
        name: 'Same name',
        slug: `of-${storageAccountId.replaceAll('_', '-')}`,
        storageProvider: provider,
      })
      await deliver(portal.id, [same])
    })
    await Promise.all(deliveries)

    for (const [who, { content }] of sent) {
      const [provider = '', email] = who.split(' ')
      const held = await test.delivered(email, provider as OauthProviderId)
      const copies = held.filter(({ path }) => path.startsWith('/Portage/Same name/'))
      expect(copies, who).toMatchObject([{ name: 'same.bin', sha256: sha256(content) }])
    }
  })

  it('a portal moves from one to the other; what was delivered stays where it is', async () => {
    const portal = await createPortal(owner.http, owner.accountId, {
      name: 'Moving',
      slug: 'moving',
      storageProvider: 'dropbox',
    })
    const [before] = await deliver(portal.id, [file('before.txt')])
    const moved = await owner.http.call<PortalReply>('PUT', `/api/portals/${portal.id}`, {
      headers: { 'if-match': `"${portal.version}"` },
      json: { storageProvider: 'google_drive', storageAccountId: idOf('google', OWNER) },
    })

    const [after] = await deliver(portal.id, [file('after.txt')])

    expect(moved.storageProvider).toBe('google_drive')
    expect(after).toMatchObject({
      storageProvider: 'google_drive',
      storageAccountId: idOf('google', OWNER),
    })
    expect(await upload(before?.id ?? '')).toMatchObject({
      storageProvider: 'dropbox',
      storageAccountId: owner.accountId,
    })
    expect((await download(before as UploadReply)).status).toBe(200)
  })

  describe.each([
    ['dropbox', 'google'],
    ['google', 'dropbox'],
  ] as const)('a portal on %s with a backup on %s', (first, second) => {
    const storage: Record<OauthProviderId, StorageProviderId> = {
      google: 'google_drive',
      dropbox: 'dropbox',
    }
    let portal: PortalReply

    beforeAll(async () => {
      portal = await createPortal(owner.http, idOf(first, OWNER), {
        name: `Backed up by ${second}`,
        slug: `backed-up-by-${second}`,
        storageProvider: first,
        backupStorageAccountIds: [idOf(second, OWNER)],
      })
    })

    const copiesAt = async (provider: OauthProviderId, { name }: ClientFile) =>
      (await test.delivered(OWNER, provider)).filter((copy) => copy.name === name)

    /** The file is in the backup and nowhere else, and everybody is told so. */
    const expectMoved = async (uploadId: string, sent: ClientFile, reason: string) => {
      const seen = await until(async () => {
        const reply = await upload(uploadId)
        return reply.status === 'uploaded' && reply
      })
      expect(seen).toMatchObject({
        storageProvider: storage[second],
        storageAccountId: idOf(second, OWNER),
      })
      expect(await copiesAt(second, sent)).toMatchObject([{ sha256: sha256(sent.content) }])
      expect(await copiesAt(first, sent)).toEqual([])
      const { events } = await owner.http.call<EventsReply>(
        'GET',
        `/api/events?subjectId=${uploadId}`,
      )
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'upload.moved',
          before: idOf(first, OWNER),
          after: idOf(second, OWNER),
          reason,
        }),
      )
      expect(await hashOf(await download(seen))).toBe(sha256(sent.content))
    }

    it('delivers there what was on its way when its own account was paused', async () => {
      const client = test.browser()
      const sent = file(`paused at ${first} 📷.txt`)
      const intent = await announce(client, portal.id, [sent])
      const [plan] = intent.uploads
      if (!plan) throw new Error('no plan')
      const account = { json: { storageAccountId: idOf(first, OWNER) } }
      await owner.http.call('POST', '/api/storage/deactivate', account)

      await complete(
        client,
        intent.uploadToken,
        plan,
        await putParts(client, intent.uploadToken, plan, sent.content),
      )

      const named = {
        ...sent,
        name: second === 'dropbox' ? sent.name.replace('📷', '_') : sent.name,
      }
      await expectMoved(plan.uploadId, named, 'ACCOUNT_INACTIVE')
      const { uploads } = await submissionStatus(client, intent)
      expect(uploads).toMatchObject([
        { fileName: sent.name, destination: { storageProvider: storage[second] } },
      ])
      await owner.http.call('POST', '/api/storage/reactivate', account)
    })

    it('and what its own account has no room for', async () => {
      const account = { email: OWNER, provider: first }
      const { quota } = await test.steer(account, 'quota')
      await test.steer(account, 'quota', { totalBytes: quota.usedBytes + MIB / 2 })
      const sent = file(`too large for ${first}.bin`, MIB)

      const { uploadIds } = await handOver(test.browser(), portal.id, [sent])

      await expectMoved(uploadIds[0] ?? '', sent, 'PROVIDER_FULL')
      await test.steer(account, 'quota', { totalBytes: quota.totalBytes })
    })
  })
})
