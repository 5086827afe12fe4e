/** The client's side: announcing files, sending their bytes, completing them; and what arrives. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply, UploadPlan } from '../../shared/contract/uploads.ts'
import { nameAtProvider } from '../../shared/providers/names.ts'
import {
  complete,
  listParts,
  sha256,
  statuses,
  submissionStatus,
  untilUploaded,
  withToken,
} from '../support/client-calls.ts'
import {
  announce,
  type ClientFile,
  handOver,
  type Owner,
  putPart,
  putParts,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

let test: TestCloud
let client: AppClient

beforeAll(async () => {
  test = await startTestCloud()
  client = test.browser()
})
afterAll(() => test.close())

function asArrived(path: string, content: Buffer) {
  return { path, size: content.length, sha256: sha256(content), trashed: false }
}

function onlyPlan({ uploads }: IntentReply): UploadPlan {
  const [plan] = uploads
  if (!plan || uploads.length > 1) throw new Error(`${uploads.length} plans instead of one`)
  return plan
}

describe.each(PROVIDERS)('with $name', (provider) => {
  let owner: Owner
  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id, portal: { name: 'Papers' } })
  })

  /** What arrived of these names, as path, size and hash. */
  async function arrived(names: string[]) {
    const files = await test.delivered(owner.email, provider.id)
    return files
      .filter(({ name }) => names.includes(name))
      .map(({ path, size, sha256: hash, trashed }) => ({ path, size, sha256: hash, trashed }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** The path as the provider takes it. */
  function there(path: string): string {
    return path
      .split('/')
      .map((name) => nameAtProvider(provider.storageId, name))
      .join('/')
  }

  describe('an intent', () => {
    it('of several files answers for each in order, small ones with one PUT, large ones with the first parts', async () => {
      const files: ClientFile[] = [
        { name: 'note.txt', content: Buffer.from('hello'), type: 'text/plain' },
        { name: 'empty.bin', content: Buffer.alloc(0) },
        { name: 'limit.bin', content: Buffer.alloc(16 * MIB) },
        { name: 'beyond.bin', content: Buffer.alloc(16 * MIB + 1) },
      ]

      const intent = await announce(client, owner.portal.id, files)

      expect(intent).toEqual({
        success: true,
        submissionId: expect.stringMatching(/^sub_/),
        uploadToken: expect.stringMatching(/^[\w-]+\.[\w-]+$/),
        readToken: expect.stringMatching(/^[\w-]+\.[\w-]+$/),
        uploads: files.map(({ name }) => ({
          uploadId: expect.stringMatching(/^upl_/),
          fileName: name,
          storageProvider: provider.storageId,
          status: 'pending',
          method: name === 'beyond.bin' ? 'multipart' : 'put',
          partSize: expect.any(Number),
          partCount: name === 'beyond.bin' ? 3 : 1,
          partUrls: expect.any(Array),
        })),
      })
      expect(intent.uploads.map(({ partUrls }) => partUrls.map((part) => part.partNumber))).toEqual(
        [[1], [1], [1], [1, 2, 3]],
      )
      expect(intent.uploads[0]?.partUrls[0]?.headers).toEqual({ 'if-none-match': '*' })
      expect(intent.uploads[3]?.partSize).toBe(8 * MIB)
      expect(await submissionStatus(client, intent)).toEqual({
        submissionId: intent.submissionId,
        uploads: intent.uploads.map(({ uploadId, fileName }, index) => ({
          uploadId,
          fileName,
          fileSize: files[index]?.content.length,
          status: 'pending',
        })),
      })
    })

    it('of one flat file also has the printed fields', async () => {
      const json = {
        portalId: owner.portal.id,
        clientName: 'Ada',
        clientEmail: 'ada@example.org',
        clientMessage: 'As promised.',
        fileName: 'flat.txt',
        fileSize: 4,
        mimeType: 'text/plain',
        lastModified: 1_700_000_000_000,
      }

      const response = await client.send('POST', '/api/upload', { json })

      expect(response.status).toBe(201)
      const reply = (await response.json()) as IntentReply & { uploadId: string }
      expect(reply).toMatchObject({
        success: true,
        uploadId: onlyPlan(reply).uploadId,
        fileName: 'flat.txt',
        storageProvider: provider.storageId,
        status: 'pending',
      })
      const seen = await owner.http.call('GET', `/api/uploads/${reply.uploadId}`)
      expect(seen).toMatchObject({
        status: 'pending',
        clientName: 'Ada',
        clientEmail: 'ada@example.org',
        clientMessage: 'As promised.',
        storageAccountId: null,
        intendedStorageAccountId: owner.accountId,
      })
    })

    it('needs no cookie, and with one the page must be our own', async () => {
      const json = { portalId: owner.portal.id, fileName: 'c.txt', fileSize: 1 }
      const foreign = { headers: { origin: 'https://example.org' }, json }

      expect((await test.browser().send('POST', '/api/upload', foreign)).status).toBe(201)
      await expectProblem(await owner.http.send('POST', '/api/upload', foreign), 'FORBIDDEN_ORIGIN')
    })
  })

  describe('the bytes of a large file', () => {
    const content = randomBytes(40 * MIB)
    const files = [{ name: 'large.bin', content }]
    let intent: IntentReply
    let plan: UploadPlan

    beforeAll(async () => {
      intent = await announce(client, owner.portal.id, files)
      plan = onlyPlan(intent)
    })

    it('go part by part; what S3 has is listed, and further parts are signed when asked for', async () => {
      expect(plan).toMatchObject({ method: 'multipart', partSize: 8 * MIB, partCount: 5 })
      expect(plan.partUrls.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3, 4])
      const [first] = plan.partUrls
      if (!first) throw new Error('no part was signed')
      expect(await listParts(client, intent.uploadToken, plan.uploadId)).toEqual({
        partSize: 8 * MIB,
        partCount: 5,
        parts: [],
      })

      const etag = await putPart(first, content.subarray(0, 8 * MIB))

      expect(await listParts(client, intent.uploadToken, plan.uploadId)).toEqual({
        partSize: 8 * MIB,
        partCount: 5,
        parts: [{ partNumber: 1, size: 8 * MIB, etag }],
      })
      const signed = await withToken(
        client,
        intent.uploadToken,
        'POST',
        `/api/upload/${plan.uploadId}/parts`,
        { json: { partNumbers: [5, 2, 5] } },
      )
      expect(signed.status).toBe(200)
      expect(await signed.json()).toEqual({
        parts: [5, 2].map((partNumber) => ({
          partNumber,
          url: expect.stringContaining(`partNumber=${partNumber}`),
          headers: {},
        })),
      })
    })

    it('are complete without a list of parts, however often it is said, and arrive equal', async () => {
      await putParts(client, intent.uploadToken, plan, content)

      const first = await complete(client, intent.uploadToken, plan.uploadId)
      const second = await complete(client, intent.uploadToken, plan.uploadId)

      expect([first.status, second.status]).toEqual([202, 202])
      expect(await first.json()).toEqual({ uploadId: plan.uploadId, status: 'pending' })
      expect(await second.json()).toMatchObject({ uploadId: plan.uploadId })
      await untilUploaded(client, intent)
      const third = await complete(client, intent.uploadToken, plan.uploadId)
      expect(third.status).toBe(202)
      expect(await third.json()).toEqual({ uploadId: plan.uploadId, status: 'uploaded' })
      expect(await arrived(['large.bin'])).toEqual([
        asArrived('/Portage/Papers/large.bin', content),
      ])
    })

    it('are complete with the list of parts in any order', async () => {
      const small = randomBytes(17 * MIB)
      const again = await announce(client, owner.portal.id, [
        { name: 'seventeen.bin', content: small },
      ])
      const etags = await putParts(client, again.uploadToken, onlyPlan(again), small)
      const parts = etags.map((etag, index) => ({ partNumber: index + 1, etag })).reverse()

      const reply = await complete(client, again.uploadToken, onlyPlan(again).uploadId, { parts })

      expect(reply.status).toBe(202)
      await untilUploaded(client, again)
      expect(await arrived(['seventeen.bin'])).toEqual([
        asArrived('/Portage/Papers/seventeen.bin', small),
      ])
    })

    it('are thrown away when the client cancels, twice if it likes', async () => {
      const cancelled = await announce(client, owner.portal.id, [
        { name: 'cancelled.bin', content: Buffer.alloc(17 * MIB) },
      ])
      const { uploadId, partUrls } = onlyPlan(cancelled)
      const [first] = partUrls
      if (!first) throw new Error('no part was signed')
      await putPart(first, Buffer.alloc(8 * MIB))
      const cancel = () =>
        withToken(client, cancelled.uploadToken, 'DELETE', `/api/upload/${uploadId}`)

      expect([(await cancel()).status, (await cancel()).status]).toEqual([204, 204])

      expect(await statuses(client, cancelled)).toEqual(['deleted'])
      const put = await fetch(first.url, { method: 'PUT', body: new Uint8Array(8 * MIB) })
      expect(put.status).toBe(404)
      const detail = await owner.http.call('GET', `/api/uploads/${uploadId}`)
      expect(detail).toMatchObject({ status: 'deleted', reason: 'CANCELLED' })
      await expectProblem(await complete(client, cancelled.uploadToken, uploadId), 'UPLOAD_CLOSED')
    })
  })

  describe('small files', () => {
    it('arrive once each with their own names and folders, whatever they are called', async () => {
      const files: ClientFile[] = [
        { name: 'empty.txt', content: Buffer.alloc(0), type: 'text/plain' },
        {
          name: 'Résumé – "ünïcode" (1).pdf',
          content: Buffer.from('%PDF-1.7\nhello'),
          type: 'application/pdf',
        },
        { name: 'a.txt', content: Buffer.from('top'), relativePath: 'tree/a.txt' },
        {
          name: 'a.txt',
          content: Buffer.from('deep'),
          relativePath: 'tree/sub folder/Ünter/a.txt',
        },
        { name: 'b.txt', content: Buffer.from('b'), relativePath: 'tree/sub folder/b.txt' },
        { name: '.hidden', content: Buffer.from('h'), relativePath: 'tree/.hidden' },
        { name: 'あ🙂.txt', content: Buffer.from('kana') },
        { name: `<svg onload='alert(1)'>.csv`, content: Buffer.from('=1+1') },
      ]

      const { intent } = await handOver(client, owner.portal.id, files)
      const reply = await untilUploaded(client, intent)

      expect(reply.uploads.map(({ fileName, fileSize }) => [fileName, fileSize])).toEqual(
        files.map(({ name, content }) => [name, content.length]),
      )
      for (const upload of reply.uploads) {
        expect(upload.destination).toEqual({ storageProvider: provider.storageId, name: 'Papers' })
      }
      const expected = files
        .map(({ name, content, relativePath }) =>
          asArrived(there(`/Portage/Papers/${relativePath ?? name}`), content),
        )
        .sort((a, b) => (a.path < b.path ? -1 : 1))
      expect(await arrived(files.map(({ name }) => there(name)))).toEqual(expected)
    })

    it('of one name are numbered in one folder and keep it in another', async () => {
      const files: ClientFile[] = [1, 2, 3].map((number) => ({
        name: 'scan.pdf',
        content: Buffer.from(`%PDF ${number}`),
      }))
      files.push({
        name: 'scan.pdf',
        content: Buffer.from('%PDF else'),
        relativePath: 'elsewhere/scan.pdf',
      })

      const { intent } = await handOver(client, owner.portal.id, files)
      await untilUploaded(client, intent)
      // Another hand-over of the same client counts on.
      const later = await handOver(client, owner.portal.id, [
        { name: 'scan.pdf', content: Buffer.from('%PDF later') },
      ])
      await untilUploaded(client, later.intent)

      const all = await arrived(['scan.pdf', 'scan (2).pdf', 'scan (3).pdf', 'scan (4).pdf'])
      expect(all.map(({ path }) => path)).toEqual([
        '/Portage/Papers/elsewhere/scan.pdf',
        '/Portage/Papers/scan (2).pdf',
        '/Portage/Papers/scan (3).pdf',
        '/Portage/Papers/scan (4).pdf',
        '/Portage/Papers/scan.pdf',
      ])
      expect(all[3]).toEqual(asArrived('/Portage/Papers/scan (4).pdf', Buffer.from('%PDF later')))
      const hashes = [...files, { content: Buffer.from('%PDF later') }].map(({ content }) =>
        sha256(content),
      )
      expect(all.map((file) => file.sha256).sort()).toEqual(hashes.sort())
    })

    it('are completed together in one call', async () => {
      const files = ['one.txt', 'two.txt'].map((name) => ({ name, content: Buffer.from(name) }))
      const intent = await announce(client, owner.portal.id, files)
      for (const [index, plan] of intent.uploads.entries()) {
        await putParts(client, intent.uploadToken, plan, files[index]?.content ?? Buffer.alloc(0))
      }
      const json = { uploads: intent.uploads.map(({ uploadId }) => ({ uploadId })) }
      const path = `/api/submissions/${intent.submissionId}/complete`

      const reply = await withToken(client, intent.uploadToken, 'POST', path, { json })

      expect(reply.status).toBe(202)
      const { uploads } = (await reply.json()) as { uploads: { uploadId: string }[] }
      expect(uploads.map(({ uploadId }) => uploadId)).toEqual(
        intent.uploads.map(({ uploadId }) => uploadId),
      )
      await untilUploaded(client, intent)
      expect(await arrived(['one.txt', 'two.txt'])).toHaveLength(2)
    })

    it('arrive also when the client vanishes after the last byte', async () => {
      const content = Buffer.from('no goodbye')
      const intent = await announce(client, owner.portal.id, [{ name: 'vanished.txt', content }])
      await putParts(client, intent.uploadToken, onlyPlan(intent), content)

      await untilUploaded(client, intent)

      expect(await arrived(['vanished.txt'])).toEqual([
        asArrived('/Portage/Papers/vanished.txt', content),
      ])
    })
  })

  describe('adding to a hand-over', () => {
    it('keeps it one, shows both tokens the whole of it, and needs its write token', async () => {
      const first = await handOver(client, owner.portal.id, [
        { name: 'first.txt', content: Buffer.from('1') },
      ])
      const { submissionId, uploadToken, readToken } = first.intent
      const content = Buffer.from('22')
      const json = {
        portalId: owner.portal.id,
        submissionId,
        files: [{ fileName: 'second.txt', fileSize: content.length, mimeType: 'text/plain' }],
      }

      await expectProblem(await client.send('POST', '/api/upload', { json }), 'TOKEN_REQUIRED')
      await expectProblem(
        await withToken(client, readToken, 'POST', '/api/upload', { json }),
        'TOKEN_INVALID',
      )
      expect(await statuses(client, first.intent)).toHaveLength(1)

      const response = await withToken(client, uploadToken, 'POST', '/api/upload', { json })
      expect(response.status).toBe(201)
      const added = (await response.json()) as IntentReply
      expect(added.submissionId).toBe(submissionId)
      await putParts(client, added.uploadToken, onlyPlan(added), content)
      await complete(client, added.uploadToken, onlyPlan(added).uploadId)

      const reply = await untilUploaded(client, first.intent)
      expect(reply.uploads.map(({ fileName }) => fileName)).toEqual(['first.txt', 'second.txt'])
      const byWriteToken = await withToken(
        client,
        uploadToken,
        'GET',
        `/api/submissions/${submissionId}`,
      )
      expect(await byWriteToken.json()).toEqual(reply)
    })
  })

  describe('a form', () => {
    function form(fields: Record<string, string>, file?: { name: string; content: Buffer }) {
      const data = new FormData()
      for (const [name, value] of Object.entries(fields)) data.set(name, value)
      if (file) data.set('file', new Blob([new Uint8Array(file.content)]), file.name)
      return data
    }

    it('brings a small file whole, answered as printed', async () => {
      const content = randomBytes(4 * MIB - 10_000)
      const fields = {
        portalId: owner.portal.id,
        clientName: 'Ada',
        clientEmail: 'ada@example.org',
        clientMessage: 'In one go.',
      }

      const response = await client.send('POST', '/api/upload', {
        body: form(fields, { name: 'Bücher & Co.bin', content }),
      })

      expect(response.status).toBe(201)
      const reply = (await response.json()) as IntentReply & { uploadId: string }
      expect(reply).toEqual({
        success: true,
        uploadId: expect.stringMatching(/^upl_/),
        fileName: 'Bücher & Co.bin',
        storageProvider: provider.storageId,
        status: 'pending',
        submissionId: expect.stringMatching(/^sub_/),
        uploadToken: expect.any(String),
        readToken: expect.any(String),
      })
      await untilUploaded(client, reply)
      expect(await arrived(['Bücher & Co.bin'])).toEqual([
        asArrived('/Portage/Papers/Bücher & Co.bin', content),
      ])
      expect(await owner.http.call('GET', `/api/uploads/${reply.uploadId}`)).toMatchObject({
        clientName: 'Ada',
        clientMessage: 'In one go.',
      })
    })

    it('brings an empty file', async () => {
      const response = await client.send('POST', '/api/upload', {
        body: form({ portalId: owner.portal.id }, { name: 'void.txt', content: Buffer.alloc(0) }),
      })
      const reply = (await response.json()) as IntentReply
      await untilUploaded(client, reply)

      expect(await arrived(['void.txt'])).toEqual([
        asArrived('/Portage/Papers/void.txt', Buffer.alloc(0)),
      ])
    })
  })

  it('a large file whose browser vanished after its last part arrives all the same', async () => {
    const content = randomBytes(17 * MIB)
    const intent = await announce(client, owner.portal.id, [{ name: 'vanished.bin', content }])
    await putParts(client, intent.uploadToken, onlyPlan(intent), content)

    await test.cloud.advanceClock(16 * 60)
    await untilUploaded(client, intent)

    expect(await arrived(['vanished.bin'])).toEqual([
      asArrived('/Portage/Papers/vanished.bin', content),
    ])
  })

  it('every file of these stories is counted once by its portal', async () => {
    const files = await test.delivered(owner.email, provider.id)
    const counted = await until(async () => {
      const [portal] = await owner.http.call<PortalReply[]>('GET', '/api/portals')
      return portal?._count.uploads === files.length && files.length
    })

    expect(counted).toBeGreaterThan(20)
  })
})
