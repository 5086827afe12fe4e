/** The whole job as people do it: an owner in one browser, a client in another. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { until } from '../support/until.ts'
import { launchBrowser } from './browser.ts'

const MIB = 1024 * 1024
/** The size by which the large file is tried; the whole promise is tried by hand with 1 GiB. */
const LARGE_BYTES = Number(process.env['E2E_LARGE_MIB'] ?? 64) * MIB
const SMALL_FILES = 200
const DELIVERY_MS = 150_000

interface LocalFile {
  path: string
  name: string
  sha256: string
}

let cloud: TestCloud
let browser: Browser
let folder: string
let owner: Page
let portalUrl: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portage-e2e-'))
  ;[cloud, browser] = await Promise.all([startTestCloud(), launchBrowser()])
  owner = await (await browser.newContext()).newPage()
})

afterAll(async () => {
  await browser?.close()
  await cloud?.close()
  await rm(folder, { recursive: true, force: true })
})

async function localFile(name: string, content: Buffer): Promise<LocalFile> {
  const path = join(folder, name)
  await writeFile(path, content)
  return { path, name, sha256: createHash('sha256').update(content).digest('hex') }
}

async function newClient(): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(portalUrl)
  await page.getByRole('heading', { name: 'Tax papers' }).waitFor()
  return page
}

async function deliveredAs(files: LocalFile[]): Promise<void> {
  const held = await cloud.delivered()
  for (const { name, sha256 } of files) {
    const copies = held.filter((file) => file.name === name)
    expect(
      copies.map((copy) => copy.sha256),
      name,
    ).toEqual([sha256])
  }
}

describe('an owner', () => {
  test('signs in with Google', async () => {
    await owner.goto(cloud.cloud.urls.app)
    await owner.getByRole('link', { name: 'Sign in with Google' }).click()
    await owner.getByLabel('Account').selectOption('owner@example.com')
    await owner.getByRole('button', { name: 'Allow' }).click()
    await owner.getByRole('button', { name: 'Sign out' }).waitFor()
  })

  test('connects Drive', async () => {
    await owner.goto(`${cloud.cloud.urls.app}/accounts`)
    await owner.getByRole('link', { name: 'Connect Google Drive' }).first().click()
    await owner.getByRole('button', { name: 'Allow' }).click()
    await owner.getByText('Connected', { exact: true }).first().waitFor()
  })

  test('creates a portal and has its link', async () => {
    await owner.goto(`${cloud.cloud.urls.app}/portals`)
    await owner.getByRole('link', { name: 'Create a portal' }).first().click()
    await owner.getByRole('textbox', { name: 'Name', exact: true }).fill('Tax papers')
    await owner.getByRole('button', { name: 'Create portal' }).click()
    portalUrl = `${cloud.cloud.urls.app}/p/tax-papers`
    await owner.getByText(portalUrl).first().waitFor()
  })
})

describe('a client', () => {
  test('hands over a large file, an empty one and one with an odd name, and sees them received and delivered', async () => {
    const files = [
      await localFile('archive.zip', randomBytes(LARGE_BYTES)),
      await localFile('empty.txt', Buffer.alloc(0)),
      await localFile('Résumé – "ünïcode" (1).pdf', randomBytes(300_000)),
    ]
    const client = await newClient()

    await client.locator('#choose-files').setInputFiles(files.map(({ path }) => path))
    await client.getByRole('button', { name: /^Send/ }).click()

    await client
      .getByRole('heading', { name: /Received|Delivered/ })
      .waitFor({ timeout: DELIVERY_MS })
    await client.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: DELIVERY_MS })
    await deliveredAs(files)
    await client.context().close()
  })

  test('hands over a folder of 200 small files', async () => {
    const path = join(folder, 'receipts')
    await mkdir(path)
    const files = await Promise.all(
      Array.from({ length: SMALL_FILES }, (_, index) =>
        localFile(`receipts/receipt-${index}.txt`, randomBytes(2000 + index)),
      ),
    )
    const client = await newClient()

    await client.locator('#choose-folder').setInputFiles(path)
    await client.getByRole('button', { name: /^Send/ }).click()

    await client.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: DELIVERY_MS })
    await deliveredAs(files.map((file) => ({ ...file, name: file.name.slice('receipts/'.length) })))
    const paths = (await cloud.delivered()).map((file) => file.path)
    expect(paths).toContain('/Portage/Tax papers/receipts/receipt-0.txt')
    await client.context().close()
  })

  test('goes on where it stopped after the page was reloaded, and sends no part twice', async () => {
    const file = await localFile('interrupted.bin', randomBytes(48 * MIB))
    const client = await newClient()
    const partsPut: string[] = []
    client.on('requestfinished', (request) => {
      const url = new URL(request.url())
      const part = url.searchParams.get('partNumber')
      if (request.method() === 'PUT' && part) partsPut.push(part)
    })
    // A slow line, so that the reload comes in the middle.
    const network = await client.context().newCDPSession(client)
    const slowly = (bytesPerSecond: number) =>
      network.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: bytesPerSecond,
      })
    await network.send('Network.enable')
    await slowly(12 * MIB)
    await client.locator('#choose-files').setInputFiles(file.path)
    await client.getByRole('button', { name: /^Send/ }).click()
    await until(() => partsPut.length >= 2, { timeoutMs: 60_000 })

    await client.reload()
    await slowly(-1)
    await client
      .getByText(/unfinished/)
      .first()
      .waitFor()
    const before = [...partsPut]
    await client.locator('#choose-files').setInputFiles(file.path)
    const send = client.getByRole('button', { name: /^Send/ })
    if (await send.isVisible()) await send.click()

    await client.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: DELIVERY_MS })
    await deliveredAs([file])
    expect(partsPut.slice(before.length).filter((part) => before.includes(part))).toEqual([])
    await client.context().close()
  })
})

describe('the owner', () => {
  test('sees every file uploaded, downloads one and deletes one', async () => {
    await owner.goto(`${cloud.cloud.urls.app}/files`)
    const row = (name: string) => owner.getByRole('row').filter({ hasText: name })
    await row('interrupted.bin').locator('[data-status="uploaded"]').waitFor()
    const shown = owner.locator('[data-status]')
    expect(await owner.locator('[data-status="uploaded"]').count()).toBe(await shown.count())

    const download = owner.waitForEvent('download')
    await row('interrupted.bin')
      .getByRole('button', { name: /^Download/ })
      .click()
    expect((await download).suggestedFilename()).toBe('interrupted.bin')

    await row('interrupted.bin')
      .getByRole('button', { name: /^Delete/ })
      .click()
    await owner
      .getByRole('dialog')
      .getByRole('button', { name: /^Delete/ })
      .click()
    await row('interrupted.bin').waitFor({ state: 'detached' })
    expect((await cloud.delivered()).some((file) => file.name === 'interrupted.bin')).toBe(false)
  })
})
