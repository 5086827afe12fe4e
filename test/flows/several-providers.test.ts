/** An owner with storage at every provider: the accounts stand beside each other, and each can take what another cannot. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import type { SessionReply } from '../../shared/contract/auth.ts'
import type { OauthProviderId } from '../../shared/contract/common.ts'
import type { EventsReply } from '../../shared/contract/events.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { UploadReply } from '../../shared/contract/uploads.ts'
import { nameAtProvider } from '../../shared/providers/names.ts'
import { sha256, submissionStatus, untilUploaded } from '../support/client-calls.ts'
import { MIB } from '../support/deliveries.ts'
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
import { PROVIDER_PAIRS, PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

let test: TestCloud
let owner: Owner
/** By provider and e-mail. */
const ids = new Map<string, string>()
const idOf = (provider: OauthProviderId, email: string) => ids.get(`${provider} ${email}`) ?? ''

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  for (const { id } of PROVIDERS) {
    for (const email of [OWNER, SECOND_OWNER]) {
      ids.set(`${id} ${email}`, await owner.http.connectStorage(email, { provider: id }))
    }
  }
})
afterAll(() => test.close())

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

/** What an owner reads, from our reply or from where it leads. */
async function downloaded({ id }: UploadReply): Promise<string> {
  const response = await owner.http.send('GET', `/api/uploads/${id}/download`)
  expect(response.status).toBe(200)
  return sha256(Buffer.from(await response.arrayBuffer()))
}

it('an address at one provider is another owner than the same address at another', async () => {
  const users = await Promise.all(
    [...PROVIDERS, ...PROVIDERS].map(async ({ id }) => {
      const http = test.browser()
      await http.signIn(OWNER, { provider: id })
      return (await http.call<SessionReply>('GET', '/api/auth/session')).user
    }),
  )

  expect(users.map(({ email }) => email)).toEqual(users.map(() => OWNER))
  const userIds = users.map(({ id }) => id)
  expect(new Set(userIds).size).toBe(PROVIDERS.length)
  // Whoever signs in again is the same.
  expect(userIds.slice(PROVIDERS.length)).toEqual(userIds.slice(0, PROVIDERS.length))
})

describe('accounts of all providers', () => {
  it('stand beside each other, one row each', async () => {
    const { accounts } = await owner.http.call<AccountsReply>('GET', '/api/storage/accounts')

    expect(accounts).toHaveLength(ids.size)
    expect(idOf(owner.provider, OWNER)).toBe(owner.accountId)
    for (const { provider, email, storageAccountId, storageStatus, isAuthAccount } of accounts) {
      expect(storageAccountId).toBe(idOf(provider, email ?? ''))
      expect(storageStatus).toBe('ACTIVE')
      expect(isAuthAccount).toBe(storageAccountId === owner.accountId)
    }
  })

  it.each(PROVIDERS)('cannot be told apart by $name alone', async ({ id }) => {
    const reply = await owner.http.send('POST', '/api/storage/deactivate', {
      json: { provider: id },
    })

    await expectProblem(reply, 'AMBIGUOUS_ACCOUNT')
  })

  it.each(PROVIDER_PAIRS)(
    'a portal on $first.name does not take an account at $second.name',
    async ({ first, second }) => {
      const reply = await owner.http.send('POST', '/api/portals', {
        json: {
          name: 'Mixed up',
          slug: 'mixed-up',
          storageProvider: first.storageId,
          storageAccountId: idOf(second.id, OWNER),
        },
      })

      expect(reply.status).toBe(400)
    },
  )

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

  it.each(PROVIDER_PAIRS)(
    'a portal moves from $first.name to $second.name; what was delivered stays where it is',
    async ({ first, second }) => {
      const portal = await createPortal(owner.http, idOf(first.id, OWNER), {
        name: 'Moving',
        slug: `moving-to-${second.id}`,
        storageProvider: first.storageId,
      })
      const sent = file('before.txt')
      const [before] = (await deliver(portal.id, [sent])) as [UploadReply]
      const moved = await owner.http.call<PortalReply>('PUT', `/api/portals/${portal.id}`, {
        headers: { 'if-match': `"${portal.version}"` },
        json: { storageProvider: second.storageId, storageAccountId: idOf(second.id, OWNER) },
      })

      const [after] = await deliver(portal.id, [file('after.txt')])

      expect(moved.storageProvider).toBe(second.storageId)
      expect(after).toMatchObject({
        storageProvider: second.storageId,
        storageAccountId: idOf(second.id, OWNER),
      })
      expect(await upload(before.id)).toMatchObject({
        storageProvider: first.storageId,
        storageAccountId: idOf(first.id, OWNER),
      })
      expect(await downloaded(before)).toBe(sha256(sent.content))
    },
  )

  describe.each(PROVIDER_PAIRS)(
    'a portal on $first.name with a backup on $second.name',
    ({ first, second }) => {
      let portal: PortalReply

      beforeAll(async () => {
        portal = await createPortal(owner.http, idOf(first.id, OWNER), {
          name: `Backed up by ${second.name}`,
          slug: `${first.id}-backed-up-by-${second.id}`,
          storageProvider: first.storageId,
          backupStorageAccountIds: [idOf(second.id, OWNER)],
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
          storageProvider: second.storageId,
          storageAccountId: idOf(second.id, OWNER),
        })
        expect(await copiesAt(second.id, sent)).toMatchObject([{ sha256: sha256(sent.content) }])
        expect(await copiesAt(first.id, sent)).toEqual([])
        const { events } = await owner.http.call<EventsReply>(
          'GET',
          `/api/events?subjectId=${uploadId}`,
        )
        expect(events).toContainEqual(
          expect.objectContaining({
            type: 'upload.moved',
            before: idOf(first.id, OWNER),
            after: idOf(second.id, OWNER),
            reason,
          }),
        )
        expect(await downloaded(seen)).toBe(sha256(sent.content))
      }

      it('delivers there what was on its way when its own account was paused', async () => {
        const client = test.browser()
        const sent = file(`paused at ${first.id}.txt `)
        const intent = await announce(client, portal.id, [sent])
        const [plan] = intent.uploads
        if (!plan) throw new Error('no plan')
        const account = { json: { storageAccountId: idOf(first.id, OWNER) } }
        await owner.http.call('POST', '/api/storage/deactivate', account)

        await complete(
          client,
          intent.uploadToken,
          plan,
          await putParts(client, intent.uploadToken, plan, sent.content),
        )

        const named = { ...sent, name: nameAtProvider(second.storageId, sent.name) }
        await expectMoved(plan.uploadId, named, 'ACCOUNT_INACTIVE')
        const { uploads } = await submissionStatus(client, intent)
        expect(uploads).toMatchObject([
          { fileName: sent.name, destination: { storageProvider: second.storageId } },
        ])
        await owner.http.call('POST', '/api/storage/reactivate', account)
      })

      it('and what its own account has no room for', async () => {
        const account = { email: OWNER, provider: first.id }
        const { quota } = await test.steer(account, 'quota')
        await test.steer(account, 'quota', { totalBytes: quota.usedBytes + MIB / 2 })
        const sent = file(`too large for ${first.id}.bin`, MIB)

        const { uploadIds } = await handOver(test.browser(), portal.id, [sent])

        await expectMoved(uploadIds[0] ?? '', sent, 'PROVIDER_FULL')
        await test.steer(account, 'quota', { totalBytes: quota.totalBytes })
      })
    },
  )
})
