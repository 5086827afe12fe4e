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
/** Dropbox makes files of one account one after another unless they are finished together. */
const SMALL_FILES = Array.from({ length: 40 }, (_, index) => ({
  name: `receipt ${index}.txt`,
  content: randomBytes(2000 + index),
}))
const EMPTY = { name: 'empty.txt', content: Buffer.alloc(0) }
const ALL_FILES = [FILE, EMPTY, ...SMALL_FILES]

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

/** A client of its own hands over files and sees where they are in the end. */
async function handOver(
  files: { name: string; content: Buffer }[],
  provider: string,
): Promise<void> {
  const client = await openPage(browser)
  await client.goto(`${cloud.cloud.urls.app}/p/tax-papers`)
  await client.locator('#choose-files').setInputFiles(
    files.map(({ name, content }) => ({
      name,
      mimeType: 'application/octet-stream',
      buffer: content,
    })),
  )
  await client.getByLabel('Your name').fill('Ada Bell')
  await client.getByLabel('Your e-mail address').fill('ada@example.org')
  await client.getByRole('button', { name: /^Send/ }).click()
  await client.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: DELIVERY_MS })
  await client.getByText(`Delivered to ${provider}`).first().waitFor()
  expect(await faultsOf(client)).toEqual([])
  await client.context().close()
}

async function namesAt(provider: 'google' | 'dropbox'): Promise<string[]> {
  return (await cloud.delivered(OWNER, provider)).map(({ name }) => name)
}

test('a client sees that its files were delivered to Dropbox, each once and whole', async () => {
  await handOver(ALL_FILES, 'Dropbox')

  const delivered = await cloud.delivered(OWNER, 'dropbox')
  const found = delivered.map(({ path, sha256: hash }) => `${path} ${hash}`).sort()
  const sent = ALL_FILES.map(
    ({ name, content }) => `/Portage/Tax papers/${name} ${sha256(content)}`,
  )
  expect(found).toEqual(sent.sort())
})

test('the owner downloads a file from Dropbox, and deletes it there', async () => {
  await visit(`/files?q=${encodeURIComponent(FILE.name)}`)
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

  expect(await namesAt('dropbox')).not.toContain(FILE.name)
})

test('the owner has a client forgotten, whose delivered file stays', async () => {
  await visit(`/files?q=${encodeURIComponent(EMPTY.name)}`)
  const row = page.getByRole('row').filter({ hasText: EMPTY.name })
  await row.getByText('Ada Bell').waitFor()
  await row.getByRole('button', { name: /^Details/ }).click()
  await page.getByRole('button', { name: 'Erase what they told' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('through every portal').waitFor()
  expect(await faultsOf(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Erase' }).click()
  await row.getByText('unnamed client').waitFor()

  expect(await namesAt('dropbox')).toContain(EMPTY.name)
})

const card = (provider: string) =>
  page.getByRole('article').filter({ has: page.getByRole('heading', { name: provider }) })

test('a disconnected Dropbox hands over to Drive: the portal goes on, and says so', async () => {
  await visit('/accounts')
  await card('Dropbox').getByRole('button', { name: 'Disconnect' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('No open portal stops').waitFor()
  await dialog.getByRole('button', { name: 'Disconnect' }).click()
  await card('Dropbox').getByText('Unavailable').waitFor()
  expect(await faultsOf(page)).toEqual([])

  await visit('/portals')
  await page.getByText('a backup account stands in').waitFor()
  await page.getByText('Takes files').waitFor()
  await handOver([{ name: 'meanwhile.txt', content: Buffer.from('to Drive') }], 'Google Drive')

  expect(await namesAt('google')).toEqual(['meanwhile.txt'])
  expect(await namesAt('dropbox')).not.toContain('meanwhile.txt')
})

test('once it is connected again, files go to Dropbox as before', async () => {
  await visit('/accounts')
  await card('Dropbox').getByRole('link', { name: 'Reconnect' }).click()
  await consent()
  await page.getByText('Dropbox is connected').waitFor()
  await card('Dropbox').getByText('Connected', { exact: true }).waitFor()
  await handOver([{ name: 'afterwards.txt', content: Buffer.from('to Dropbox') }], 'Dropbox')

  expect(await namesAt('google')).toEqual(['meanwhile.txt'])
  expect(await namesAt('dropbox')).toContain('afterwards.txt')
  await visit('/activity')
  await page
    .getByRole('listitem')
    .filter({ hasText: `Dropbox · ${OWNER} went from disconnected to active` })
    .waitFor()
  expect(await faultsOf(page)).toEqual([])
})
