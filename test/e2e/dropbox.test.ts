/** An owner whose clients' files go to Dropbox, with Drive beside it, in browsers. */
import { randomBytes } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../support/client-calls.ts'
import { OWNER, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { launchBrowser } from './browser.ts'
import { faultsOf, openPage } from './faults.ts'

const DELIVERY_MS = 60_000
/** Too large to come through the API. */
const FILE = { name: 'Größe 5 %.bin', content: randomBytes(5 * 1024 * 1024) }

let cloud: TestCloud
let browser: Browser
let page: Page

beforeAll(async () => {
  ;[cloud, browser] = await Promise.all([startTestCloud(), launchBrowser()])
  page = await openPage(browser)
})
afterAll(async () => {
  await browser?.close()
  await cloud?.close()
})

const visit = (path: string) => page.goto(`${cloud.cloud.urls.app}${path}`)

async function consent(): Promise<void> {
  await page.getByLabel('Account', { exact: true }).selectOption(OWNER)
  await page.getByRole('button', { name: 'Allow' }).click()
}

test('signs in with Dropbox and is offered both providers', async () => {
  await visit('/')
  await page.getByRole('link', { name: 'Sign in with Dropbox' }).click()
  await consent()
  const offers = page.getByRole('list', { name: 'Connect storage' }).getByRole('link')
  await offers.first().waitFor()

  expect(await offers.allTextContents()).toEqual(['Connect Google Drive', 'Connect Dropbox'])
  expect(await faultsOf(page)).toEqual([])
})

test.each(['Dropbox', 'Google Drive'])('connects %s', async (provider) => {
  await visit('/accounts')
  const offers = page.getByRole('list', { name: 'Connect storage' })
  await offers.getByRole('link', { name: `Connect ${provider}` }).click()
  await consent()
  await page.getByText(`${provider} is connected`).waitFor()

  expect(await faultsOf(page)).toEqual([])
})

test('creates a portal on Dropbox with Drive as its backup', async () => {
  await visit('/portals/new')
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Tax papers')
  await page.getByLabel('Files go to').selectOption({ label: `Dropbox · ${OWNER}` })
  await page.getByLabel('Backup account').selectOption({ label: `Google Drive · ${OWNER}` })
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Create portal' }).click()

  await page.getByText(`To: Dropbox · ${OWNER}`).waitFor()
})

test('a client sees that the file was delivered to Dropbox', async () => {
  const client = await openPage(browser)
  await client.goto(`${cloud.cloud.urls.app}/p/tax-papers`)
  await client
    .locator('#choose-files')
    .setInputFiles({ name: FILE.name, mimeType: 'application/zip', buffer: FILE.content })
  await client.getByRole('button', { name: /^Send/ }).click()
  await client.getByText('Delivered to Dropbox').waitFor({ timeout: DELIVERY_MS })

  expect(await faultsOf(client)).toEqual([])
  expect(await cloud.delivered(OWNER, 'dropbox')).toMatchObject([
    { path: `/Portage/Tax papers/${FILE.name}`, sha256: sha256(FILE.content) },
  ])
  await client.context().close()
})

test('the owner downloads it from Dropbox, and deletes it there', async () => {
  await visit('/files')
  const row = page.getByRole('row').filter({ hasText: FILE.name })
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    row.getByRole('button', { name: /^Download/ }).click(),
  ])
  expect(saved.suggestedFilename()).toBe(FILE.name)
  expect(new URL(saved.url()).origin).toBe(cloud.cloud.urls.dropbox)
  expect(await saved.failure()).toBeNull()

  await row.getByRole('button', { name: /^Delete/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('which keeps it among your deleted files').waitFor()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await row.waitFor({ state: 'detached' })

  expect(await cloud.delivered(OWNER, 'dropbox')).toEqual([])
})
