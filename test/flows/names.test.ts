/** Names that a storage may take for the same, or not at all: every file arrives, none is overwritten. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IntentReply, UploadReply, UploadsReply } from '../../shared/contract/uploads.ts'
import { sha256, untilUploaded } from '../support/client-calls.ts'
import {
  announce,
  createPortal,
  handOver,
  OWNER,
  type Owner,
  putParts,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'

/** What one intent takes. */
const FILES_AT_ONCE = 50
/** Names that somebody may take for one another. */
const alike = (stem: string) => [
  `${stem}.pdf`,
  `${stem}.pdf`.toUpperCase(),
  `${stem}.pdf `,
  `${stem}.pdf.`,
  `R\u00e9sum\u00e9 ${stem}`,
  `Re\u0301sume\u0301 ${stem}`,
  `${stem} 🎉`,
  `${stem} 🚀`,
]
const RESERVED = [
  'desktop.ini',
  'DESKTOP.INI',
  'Thumbs.db',
  '.DS_Store',
  '.dropbox',
  '~$a.docx',
  '.~a.odt',
  'con',
]
const NAMES = [
  ...RESERVED,
  ...Array.from({ length: 24 }, (_, number) => alike(`${number}a`)).flat(),
]
const FILES = NAMES.map((name, number) => ({ name, content: Buffer.from(`file ${number}`) }))

let test: TestCloud
beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

describe.each(PROVIDERS)('at $name', (provider) => {
  let owner: Owner
  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
  })

  it('two hundred names that differ in case, accents, emoji, dots and spaces are as many files', async () => {
    const client = test.browser()
    const intents: IntentReply[] = []
    for (let from = 0; from < FILES.length; from += FILES_AT_ONCE) {
      const some = FILES.slice(from, from + FILES_AT_ONCE)
      const intent = await announce(client, owner.portal.id, some)
      intents.push(intent)
      // Their bytes are enough: the bucket tells that they are there.
      await Promise.all(
        intent.uploads.map((plan, index) =>
          putParts(client, intent.uploadToken, plan, some[index]?.content ?? Buffer.alloc(0)),
        ),
      )
    }
    for (const intent of intents) await untilUploaded(client, intent)

    const delivered = await test.delivered(OWNER, provider.id)
    expect(delivered.map((file) => file.sha256).sort()).toEqual(
      FILES.map(({ content }) => sha256(content)).sort(),
    )
    const paths = delivered.map((file) => file.path.normalize('NFC').toLowerCase())
    expect(new Set(paths).size).toBe(200)
    const query = `portalId=${owner.portal.id}&limit=100`
    const first = await owner.http.send('GET', `/api/v1/uploads?${query}`)
    const cursor = first.headers.get('x-next-cursor') ?? ''
    const second = await owner.http.send('GET', `/api/v1/uploads?${query}&cursor=${cursor}`)
    const pages = (await Promise.all([first.json(), second.json()])) as UploadsReply[]
    const shown = pages.flatMap(({ uploads }) => uploads.map(({ fileName }) => fileName))
    expect(shown.sort()).toEqual(FILES.map(({ name }) => name).sort())
  })

  it('names arrive as the provider takes them, and are shown as they were', async () => {
    const files = provider.names.map(([name]) => ({ name, content: Buffer.from(`only ${name}`) }))
    const portal = await createPortal(owner.http, owner.accountId, {
      name: 'Odd names',
      slug: `odd-names-${provider.id}`,
      storageProvider: provider.storageId,
    })

    const { intent, uploadIds } = await handOver(test.browser(), portal.id, files)
    await untilUploaded(test.browser(), intent)

    const delivered = await test.delivered(OWNER, provider.id)
    for (const [index, [name, there]] of provider.names.entries()) {
      const path = `/api/uploads/${uploadIds[index]}`
      const seen = await owner.http.call<UploadReply>('GET', path)
      expect(seen).toMatchObject({ fileName: name, storagePath: `Portage/Odd names/${there}` })
      const copy = delivered.find(({ id }) => id === seen.storageFileId)
      expect(copy).toMatchObject({ name: there, sha256: sha256(Buffer.from(`only ${name}`)) })
    }
  })
})
