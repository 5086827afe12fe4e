import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UploadReply, UploadsReply } from '../../../shared/contract/uploads.ts'
import {
  createPortal,
  handOver,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { PROVIDERS } from '../../support/providers.ts'
import { until } from '../../support/until.ts'
import { dumpTable } from './attack.ts'

const MIB = 1024 * 1024
const SCRIPT = '<script>document.title=document.cookie</script>'
const FILES = [
  {
    name: 'picture.svg',
    content: Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${SCRIPT}</svg>`,
    ),
    type: 'image/svg+xml',
  },
  { name: 'page.html', content: Buffer.from(`<!doctype html>${SCRIPT}`), type: 'text/html' },
  { name: 'a"b\r\nX-Evil: 1;\u202Eü.html', content: Buffer.from(SCRIPT), type: 'text/html' },
  { name: 'large.html', content: randomBytes(4 * MIB + 1), type: 'text/html' },
]

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)(
  'security rule 14, with files in $name: what a client sent is never run',
  (provider) => {
    let owner: Owner
    let uploads: UploadReply[]

    beforeAll(async () => {
      owner = await test.owner({ provider: provider.id })
      await handOver(test.browser(), owner.portal.id, FILES)
      uploads = await until(
        async () => {
          const list = await owner.http.call<UploadsReply>('GET', '/api/v1/uploads')
          const all = list.uploads.every(({ status }) => status === 'uploaded')
          return all && list.uploads.length === FILES.length && list.uploads
        },
        { timeoutMs: 30_000 },
      )
    })

    function uploadNamed(pattern: RegExp): UploadReply {
      const upload = uploads.find(({ fileName }) => pattern.test(fileName))
      if (upload === undefined) throw new Error(`no upload ${pattern}`)
      return upload
    }

    /** Copies of this owner's files that were made to be fetched. */
    async function madeReady(): Promise<string[]> {
      const keys = [...(await dumpTable(test)).keys()].filter((key) => key.startsWith('download#'))
      return keys.filter((key) => uploads.some(({ id }) => key.includes(id)))
    }

    function download(upload: UploadReply): Promise<Response> {
      return owner.http.send('GET', `/api/uploads/${upload.id}/download`)
    }

    it.each([/\.svg$/, /^page\.html$/, /X-Evil/])(
      '%s is an attachment without a type',
      async (pattern) => {
        const upload = uploadNamed(pattern)

        const response = await download(upload)

        expect(response.status).toBe(200)
        expect(response.headers.get('content-type')).toBe('application/octet-stream')
        expect(response.headers.get('x-content-type-options')).toBe('nosniff')
        expect(response.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
        expect(response.headers.get('cache-control')).toBe('no-store')
        expect(response.headers.get('x-evil')).toBeNull()
        const disposition = response.headers.get('content-disposition') ?? ''
        expect(disposition).toMatch(
          /^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w.!%~+&$^`|-]+$/,
        )
        const encoded = disposition.split("filename*=UTF-8''")[1] ?? ''
        expect(decodeURIComponent(encoded)).toBe(upload.fileName.replaceAll(/[\r\n\u202E]/g, ''))
        const sent = FILES.find(({ name }) => pattern.test(name))?.content
        expect(Buffer.from(await response.arrayBuffer())).toEqual(sent)
      },
    )

    it('another site has nothing made ready for it', async () => {
      for (const upload of uploads) {
        const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
        const path = `/api/uploads/${upload.id}/download`
        expect((await owner.http.send('GET', path, { headers })).status).toBe(403)
      }
      expect(await madeReady()).toEqual([])
    })

    /** How a large one is read, and what that must not allow. */
    const large = {
      copy: [
        'a large one comes by a URL of a minute that says the same',
        async () => {
          const upload = uploadNamed(/^large/)
          const ready = await until(
            async () => {
              const response = await download(upload)
              return response.status === 302 && response
            },
            { timeoutMs: 30_000 },
          )
          const url = new URL(ready.headers.get('location') ?? '')

          expect(Number(url.searchParams.get('X-Amz-Expires'))).toBeLessThanOrEqual(60)
          const response = await fetch(url)
          expect(response.status).toBe(200)
          expect(response.headers.get('content-type')).toBe('application/octet-stream')
          expect(response.headers.get('content-disposition')).toMatch(/^attachment; /)
          expect((await response.arrayBuffer()).byteLength).toBe(4 * MIB + 1)

          const inline = new URL(url)
          inline.searchParams.set('response-content-type', 'text/html')
          expect((await fetch(inline)).status).toBe(403)
          inline.searchParams.delete('response-content-type')
          inline.searchParams.delete('response-content-disposition')
          expect((await fetch(inline)).status).toBe(403)

          await test.cloud.advanceClock(61)
          expect((await fetch(url)).status).toBe(403)
        },
      ],
      link: [
        'a large one comes from the provider itself, whose site it is and not ours',
        async () => {
          const response = await download(uploadNamed(/^large/))

          expect(response.status).toBe(302)
          const url = new URL(response.headers.get('location') ?? '')
          expect(url.origin).toBe(test.cloud.urls[provider.id])
          expect(url.origin).not.toBe(test.cloud.urls.app)
          const large = await fetch(url)
          expect(large.status).toBe(200)
          expect(large.headers.get('content-type')).not.toMatch(/html|script|svg/)
          expect((await large.arrayBuffer()).byteLength).toBe(4 * MIB + 1)
          // Nobody has to have it ready.
          expect(await madeReady()).toEqual([])
        },
      ],
    } as const
    const [title, told] = large[provider.largeDownload]
    it(title, told)

    it('is served at no address of the app', async () => {
      const upload = uploadNamed(/\.svg$/)
      for (const path of [
        `/staging/scan/${upload.id}`,
        `/downloads/${upload.id}`,
        `/assets/../downloads/${upload.id}`,
        `/api/uploads/${upload.id}/download`,
      ]) {
        const text = await (await fetch(`${test.cloud.urls.app}${path}`)).text()
        expect(text, path).not.toContain('onload')
      }
    })

    it('names are JSON text wherever they are told', async () => {
      const name = `<svg onload=alert(1)>${SCRIPT}`
      const portal = await createPortal(owner.http, owner.accountId, {
        name,
        slug: `script-${provider.id}`,
        storageProvider: provider.id,
      })
      for (const path of [
        '/api/portals',
        `/api/portals/${portal.id}`,
        `/api/portals/public/script-${provider.id}`,
        '/api/v1/uploads',
        '/api/portals/public/%3Csvg%20onload%3Dalert(1)%3E',
      ]) {
        const response = await owner.http.send('GET', path)
        expect(response.headers.get('content-type')).toMatch(/^application\/(problem\+)?json$/)
        expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      }
      const page = await (await fetch(`${test.cloud.urls.app}/p/script-${provider.id}`)).text()
      expect(page).not.toContain('onload=alert')
    })
  },
)

describe('security rule 14: pages', () => {
  /** Directives of a content security policy by name. */
  function directives(response: Response): Map<string, string[]> {
    const policy = response.headers.get('content-security-policy') ?? ''
    return new Map(
      policy.split(';').map((directive): [string, string[]] => {
        const [name = '', ...sources] = directive.trim().split(/\s+/)
        return [name, sources]
      }),
    )
  }

  it.each(['/', '/accounts', '/p/letters', '/p/letters/deeper', '/p/unknown'])(
    '%s runs scripts of our own files alone',
    async (path) => {
      const response = await fetch(`${test.cloud.urls.app}${path}`)
      const policy = directives(response)

      expect(response.status).toBe(200)
      expect(policy.get('default-src')).toEqual(["'none'"])
      expect(policy.get('script-src')).toEqual(["'self'"])
      expect(policy.get('base-uri')).toEqual(["'none'"])
      expect(policy.get('form-action')).toEqual(["'self'"])
      expect(policy.has('object-src')).toBe(false)
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('strict-transport-security')).toContain('max-age=')
      const page = await response.text()
      expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|javascript:/i)
    },
  )

  it('portals alone may stand in the frame of another site, and reach the bucket alone', async () => {
    const [dashboard, accounts, portal] = await Promise.all(
      ['/', '/accounts', '/p/letters'].map((path) => fetch(`${test.cloud.urls.app}${path}`)),
    )
    for (const response of [dashboard, accounts]) {
      if (response === undefined) throw new Error('no reply')
      expect(directives(response).get('frame-ancestors')).toEqual(["'none'"])
      expect(response.headers.get('x-frame-options')).toBe('DENY')
      expect(directives(response).get('connect-src')).toEqual(["'self'"])
    }
    if (portal === undefined) throw new Error('no reply')
    expect(directives(portal).get('frame-ancestors')).toEqual(['*'])
    expect(directives(portal).get('style-src')).toEqual(["'self'"])
    const reachable = directives(portal).get('connect-src') ?? []
    expect(reachable).toHaveLength(2)
    expect(reachable[1]).toBe(new URL(test.cloud.urls.aws).host)
  })

  it('a path that only looks like a portal keeps the rules of the dashboard', async () => {
    for (const path of [
      '/p',
      '/P/letters',
      '/x/p/letters',
      '/p%2fletters',
      '//x/p/letters',
      '//',
    ]) {
      const response = await fetch(`${test.cloud.urls.app}${path}`)
      expect(directives(response).get('frame-ancestors'), path).toEqual(["'none'"])
    }
  })
})
