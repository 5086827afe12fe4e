/** The owner's side after delivery: lists, details, downloads, deletion. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { UploadReply, UploadsReply } from '../../shared/contract/uploads.ts'
import { sha256, untilUploaded } from '../support/client-calls.ts'
import {
  announce,
  type ClientFile,
  createPortal,
  handOver,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { ownerAtProvider } from '../support/owner-at-provider.ts'
import { expectProblem } from '../support/problems.ts'
import { proofOf } from '../support/proof.ts'
import type { Fault } from '../support/provider-suite.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const ISO_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

const PDF = {
  name: 'Résumé – "ünïcode" (1).pdf',
  content: Buffer.from('%PDF-1.7\n'),
  type: 'application/pdf',
  relativePath: 'letters/Résumé – "ünïcode" (1).pdf',
}
const SVG = {
  name: 'drawing.svg',
  content: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
  type: 'image/svg+xml',
}
const EMPTY = { name: 'empty.txt', content: Buffer.alloc(0), type: 'text/plain' }
const EDGE = { name: 'edge.bin', content: randomBytes(4 * MIB) }
const LARGE = { name: 'Größe 5 %.bin', content: randomBytes(5 * MIB) }
const GONE = { name: 'gone.txt', content: Buffer.from('not for long') }
const ELSEWHERE = { name: 'elsewhere.txt', content: Buffer.from('second storage') }

let test: TestCloud
beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)('with $name', (provider) => {
  let owner: Owner
  let stranger: AppClient
  let pictures: PortalReply
  let secondAccountId: string
  /** By file name. */
  let ids: Record<string, string>

  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
    stranger = test.browser()
    await stranger.signIn(SECOND_OWNER, { provider: provider.id })
    const there = { provider: provider.id }
    secondAccountId = await owner.http.connectStorage(SECOND_OWNER, there)
    pictures = await newPortal(owner.accountId, 'Pictures')
    const elsewhere = await newPortal(secondAccountId, 'Elsewhere')

    await deliver(owner.portal.id, [PDF, SVG, EMPTY, GONE])
    await deliver(pictures.id, [EDGE, LARGE])
    await deliver(elsewhere.id, [ELSEWHERE])
    const { uploads } = await list()
    ids = Object.fromEntries(uploads.map(({ fileName, id }) => [fileName, id]))
  })

  function newPortal(accountId: string, name: string): Promise<PortalReply> {
    return createPortal(owner.http, accountId, {
      name,
      slug: `${name.toLowerCase()}-${provider.id}`,
      storageProvider: provider.storageId,
    })
  }

  async function deliver(portalId: string, files: ClientFile[]): Promise<void> {
    const client = test.browser()
    const { intent } = await handOver(client, portalId, files)
    await untilUploaded(client, intent)
  }

  function list(query = ''): Promise<UploadsReply> {
    return owner.http.call<UploadsReply>('GET', `/api/v1/uploads${query}`)
  }

  function idOf({ name }: { name: string }): string {
    const id = ids[name]
    if (id === undefined) throw new Error(`${name} is in no list`)
    return id
  }

  function detail(file: { name: string }): Promise<UploadReply> {
    return owner.http.call<UploadReply>('GET', `/api/uploads/${idOf(file)}`)
  }

  function names({ uploads }: UploadsReply): string[] {
    return uploads.map(({ fileName }) => fileName).sort()
  }

  describe('the list of files', () => {
    it('has everything of its owner, newest first, and a detail is what the list shows', async () => {
      const reply = await list()

      expect(names(reply)).toEqual(
        [PDF, SVG, EMPTY, GONE, EDGE, LARGE, ELSEWHERE].map(({ name }) => name).sort(),
      )
      const times = reply.uploads.map(({ createdAt }) => createdAt)
      expect(times).toEqual(times.toSorted().reverse())
      const pdf = reply.uploads.find(({ fileName }) => fileName === PDF.name)
      expect(pdf).toEqual({
        id: expect.stringMatching(/^upl_/),
        portalId: owner.portal.id,
        submissionId: expect.stringMatching(/^sub_/),
        fileName: PDF.name,
        relativePath: PDF.relativePath,
        fileSize: PDF.content.length,
        mimeType: 'application/pdf',
        status: 'uploaded',
        reason: null,
        retryAt: null,
        late: false,
        storageProvider: provider.storageId,
        storageAccountId: owner.accountId,
        intendedStorageAccountId: owner.accountId,
        storageFileId: expect.stringMatching(provider.fileId),
        storagePath: `Portage/Letters/${PDF.relativePath}`,
        storageStatus: 'ACTIVE',
        sha256: null,
        ...proofOf(PDF.content, provider.storageId),
        clientName: null,
        clientEmail: null,
        clientMessage: null,
        createdAt: ISO_TIME,
        receivedAt: ISO_TIME,
        deliveredAt: ISO_TIME,
      })
      expect(await detail(PDF)).toEqual(pdf)
    })

    it('can be that of one portal or of one account', async () => {
      expect(names(await list(`?portalId=${pictures.id}`))).toEqual([LARGE.name, EDGE.name].sort())
      expect(names(await list(`?storageAccountId=${secondAccountId}`))).toEqual([ELSEWHERE.name])
      expect((await list(`?storageAccountId=${owner.accountId}`)).uploads).toHaveLength(6)
    })

    it.each([
      ['', 7],
      ['&portalId=', 4],
      ['&storageAccountId=', 6],
    ])('comes in pages without loss or repetition (%s)', async (filter, count) => {
      const value = filter.startsWith('&portal') ? owner.portal.id : owner.accountId
      const chosen = filter === '' ? '' : `${filter}${value}`
      const seen: string[] = []
      let cursor: string | null = null
      let pages = 0
      do {
        const more: string = cursor === null ? '' : `&cursor=${cursor}`
        const response = await owner.http.send('GET', `/api/v1/uploads?limit=2${chosen}${more}`)
        const { uploads } = (await response.json()) as UploadsReply
        expect(uploads.length).toBeLessThanOrEqual(2)
        seen.push(...uploads.map(({ id }) => id))
        cursor = response.headers.get('x-next-cursor')
        pages += 1
      } while (cursor !== null && pages < 10)

      expect(seen).toHaveLength(count)
      expect(new Set(seen).size).toBe(count)
    })

    it('shows a stranger nothing, and the cursor of another list opens only their own', async () => {
      expect((await stranger.call<UploadsReply>('GET', '/api/v1/uploads')).uploads).toEqual([])
      for (const filter of [`portalId=${owner.portal.id}`, `storageAccountId=${owner.accountId}`]) {
        const code = filter.startsWith('portal') ? 'PORTAL_NOT_FOUND' : 'ACCOUNT_NOT_FOUND'
        await expectProblem(await stranger.send('GET', `/api/v1/uploads?${filter}`), code)
      }
      const first = await owner.http.send('GET', '/api/v1/uploads?limit=1')
      const cursor = first.headers.get('x-next-cursor')
      expect(cursor).not.toBeNull()
      expect(await stranger.call('GET', `/api/v1/uploads?cursor=${cursor}`)).toEqual({
        uploads: [],
      })
    })

    it('gives nothing of one file to a stranger either', async () => {
      const path = `/api/uploads/${idOf(PDF)}`
      await expectProblem(await stranger.send('GET', path), 'UPLOAD_NOT_FOUND')
      await expectProblem(await stranger.send('GET', `${path}/download`), 'UPLOAD_NOT_FOUND')
      await expectProblem(await stranger.send('DELETE', path), 'UPLOAD_NOT_FOUND')
      await expectProblem(await test.browser().send('GET', path), 'SESSION_REQUIRED')
      expect(await detail(PDF)).toMatchObject({ status: 'uploaded' })
    })
  })

  describe('downloading', () => {
    const download = (file: { name: string }, http = owner.http) =>
      http.send('GET', `/api/uploads/${idOf(file)}/download`)

    it.each([
      [PDF, `attachment; filename="R_sum_ _ __n_code_ (1).pdf"`],
      [SVG, `attachment; filename="drawing.svg"`],
      [EMPTY, `attachment; filename="empty.txt"`],
      [EDGE, `attachment; filename="edge.bin"`],
    ])('$name comes at once, as a file and never as a page', async (file, disposition) => {
      const response = await download(file)

      expect(response.status).toBe(200)
      const header = response.headers.get('content-disposition') ?? ''
      expect(header.startsWith(disposition)).toBe(true)
      const encoded = /filename\*=UTF-8''(\S+)$/.exec(header)?.[1] ?? ''
      expect(decodeURIComponent(encoded)).toBe(file.name)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-security-policy': expect.stringMatching(/^sandbox\b/),
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(file.content))
    })

    const largeDownloads = {
      copy: {
        title: 'a large file is prepared first, then leads to a link of its own for a minute',
        async tell() {
          const preparing = await download(LARGE)
          expect(preparing.status).toBe(202)
          expect(await preparing.json()).toEqual({
            status: 'preparing',
            retryAfterSeconds: expect.any(Number),
          })
          expect(Number(preparing.headers.get('retry-after'))).toBeGreaterThan(0)

          const ready = await until(async () => {
            const response = await download(LARGE)
            return response.status === 302 && response
          })

          const link = new URL(ready.headers.get('location') ?? '')
          expect(link.origin).toBe(test.cloud.urls.aws)
          expect(link.searchParams.get('X-Amz-Expires')).toBe('60')
          const file = await fetch(link)
          expect(file.status).toBe(200)
          expect(Object.fromEntries(file.headers)).toMatchObject({
            'content-type': 'application/octet-stream',
            'cache-control': 'no-store',
            'content-disposition': expect.stringMatching(
              /^attachment; filename="Gr__e 5 _\.bin"; /,
            ),
          })
          expect(sha256(new Uint8Array(await file.arrayBuffer()))).toBe(sha256(LARGE.content))

          await test.cloud.advanceClock(61)
          expect((await fetch(link)).status).toBe(403)
          expect((await download(LARGE)).status).toBe(302)
        },
      },
      link: {
        title: 'a large file leads to a link of the provider’s own',
        async tell() {
          const response = await download(LARGE)

          expect(response.status).toBe(302)
          const link = new URL(response.headers.get('location') ?? '')
          expect(link.origin).toBe(test.cloud.urls[provider.id])
          const file = await fetch(link)
          expect(sha256(new Uint8Array(await file.arrayBuffer()))).toBe(sha256(LARGE.content))
        },
      },
    }
    const largeDownload = largeDownloads[provider.largeDownload]
    it(largeDownload.title, largeDownload.tell)

    it('waits for delivery', async () => {
      const intent = await announce(test.browser(), owner.portal.id, [
        { name: 'later.txt', content: Buffer.from('later') },
      ])

      const path = `/api/uploads/${intent.uploads[0]?.uploadId}/download`
      const problem = await expectProblem(await owner.http.send('GET', path), 'FILE_UNAVAILABLE')

      expect(problem.title).toBe('File unavailable')
    })

    it('of what its owner has renamed and changed at the provider brings what is there now', async () => {
      const changed = randomBytes(2000)
      const there = await ownerAtProvider(test, owner)
      await there.rename('/Portage/Letters/drawing.svg', 'mine.svg')
      await there.replace('/Portage/Letters/mine.svg', changed)

      const response = await download(SVG)

      expect(response.headers.get('content-disposition')).toMatch(/filename="drawing.svg"/)
      expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(changed))
    })

    it('of what its owner deleted at the provider says that it is unavailable', async () => {
      await (await ownerAtProvider(test, owner)).erase('/Portage/Letters/gone.txt')

      await expectProblem(await download(GONE), 'FILE_UNAVAILABLE')
    })
  })

  describe('deleting', () => {
    const remove = (file: { name: string }) =>
      owner.http.send('DELETE', `/api/uploads/${idOf(file)}`)
    const countOf = async (portalId: string) =>
      (await owner.http.call<PortalReply>('GET', `/api/portals/${portalId}`))._count.uploads
    const deliveredNames = async () =>
      (await test.delivered(owner.email, provider.id)).map(({ name }) => name)
    const spoilDeletion = (fault: Fault) =>
      test.addFault({ ...provider.requests.delete, ...fault }, provider.id)
    const deleted = {
      success: true,
      message: 'File deleted successfully',
      deletedFromCloud: true,
      deletedFromDatabase: true,
    }
    afterEach(() => test.clearFaults(provider.id))

    it('takes the file from the cloud and from the list, and the portal counts one less', async () => {
      expect(await countOf(pictures.id)).toBe(2)

      const response = await remove(EDGE)

      expect(response.status).toBe(200)
      expect(await response.json()).toEqual(deleted)
      expect(await deliveredNames()).not.toContain(EDGE.name)
      expect(await deliveredNames()).toContain(LARGE.name)
      expect(await detail(EDGE)).toMatchObject({ status: 'deleted' })
      expect(await countOf(pictures.id)).toBe(1)
    })

    it('twice is deleting once', async () => {
      expect(await (await remove(EDGE)).json()).toMatchObject({
        success: true,
        deletedFromDatabase: true,
      })
      expect(await countOf(pictures.id)).toBe(1)
      await expectProblem(
        await owner.http.send('GET', `/api/uploads/${idOf(EDGE)}/download`),
        'FILE_UNAVAILABLE',
      )
    })

    it('counts what the provider no longer has as deleted', async () => {
      expect(await (await remove(GONE)).json()).toEqual(deleted)

      expect(await detail(GONE)).toMatchObject({ status: 'deleted' })
      expect(await countOf(owner.portal.id)).toBe(3)
    })

    it('whose answer is lost is found done', async () => {
      await spoilDeletion({ action: 'apply-then-503' })
      const first = await remove(PDF)
      const reply = first.status === 200 ? first : await remove(PDF)

      expect(await reply.json()).toEqual(deleted)
      expect(await deliveredNames()).not.toContain(PDF.name)
      expect(await detail(PDF)).toMatchObject({ status: 'deleted' })
      expect(await countOf(owner.portal.id)).toBe(2)
    })

    it('changes nothing while the provider does not answer', async () => {
      await spoilDeletion({ action: 'status:503', times: 1000 })

      await expectProblem(await remove(EMPTY), 'PROVIDER_UNAVAILABLE')

      expect(await detail(EMPTY)).toMatchObject({ status: 'uploaded' })
      expect(await deliveredNames()).toContain(EMPTY.name)
      expect(await countOf(owner.portal.id)).toBe(2)
    })

    it('stops a file that has not arrived', async () => {
      const client = test.browser()
      const intent = await announce(client, pictures.id, [
        { name: 'stopped.bin', content: Buffer.alloc(20 * MIB) },
      ])
      const [plan] = intent.uploads
      ids['stopped.bin'] = plan?.uploadId ?? ''

      expect(await (await remove({ name: 'stopped.bin' })).json()).toEqual({
        success: true,
        message: 'File deleted successfully',
        deletedFromCloud: false,
        deletedFromDatabase: true,
      })

      const put = await fetch(plan?.partUrls[0]?.url ?? '', {
        method: 'PUT',
        body: new Uint8Array(8 * MIB),
      })
      expect(put.status).toBe(404)
      expect(await detail({ name: 'stopped.bin' })).toMatchObject({ status: 'deleted' })
      expect(await countOf(pictures.id)).toBe(1)
    })
  })
})
