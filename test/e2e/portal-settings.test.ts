/** What an owner sets of a portal, as its clients meet it on the portal's page. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PortalReply, UpdatePortalRequest } from '../../shared/contract/portals.ts'
import type { UploadsReply } from '../../shared/contract/uploads.ts'
import {
  createPortal,
  handOver,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'
import { launchBrowser } from './browser.ts'
import { faultsOf, openPage } from './faults.ts'

const HOUR_MS = 3_600_000
const ARRIVAL_MS = 60_000
const PASSWORD = 'correct horse'
const NEXT_PASSWORD = 'battery staple'

let cloud: TestCloud
let browser: Browser
let owner: Owner

beforeAll(async () => {
  ;[cloud, browser] = await Promise.all([startTestCloud(), launchBrowser()])
  owner = await cloud.owner()
})

afterAll(async () => {
  await browser?.close()
  await cloud?.close()
})

function change(portal: PortalReply, settings: UpdatePortalRequest): Promise<PortalReply> {
  return owner.http.call<PortalReply>('PUT', `/api/portals/${portal.id}`, {
    headers: { 'if-match': `"${portal.version}"` },
    json: settings,
  })
}

function visit(page: Page, { slug }: Pick<PortalReply, 'slug'>): Promise<unknown> {
  return page.goto(`${cloud.cloud.urls.app}/p/${slug}`)
}

function file(name: string, mimeType: string, bytes = 100) {
  return { name, mimeType, buffer: Buffer.alloc(bytes, name) }
}

describe('a portal with a password and rules of its own (C22)', () => {
  let portal: PortalReply
  let page: Page
  const password = () => page.getByLabel('Password', { exact: true })
  const chooser = () => page.getByRole('button', { name: /Choose files/ })
  const focused = () =>
    page.evaluate(() => document.activeElement?.id || document.activeElement?.tagName)

  beforeAll(async () => {
    portal = await createPortal(owner.http, owner.accountId, {
      name: 'Tax papers',
      slug: 'tax-papers',
      password: PASSWORD,
      instructions: 'Please send:\n\n1. all receipts\n2. https://example.com/form <b>signed</b>',
      fields: { clientName: 'required', clientEmail: 'hidden', clientMessage: 'optional' },
      allowedTypes: ['.pdf', 'image/*'],
      maxFileBytes: 2_000_000,
      deadline: new Date(Date.now() + 24 * HOUR_MS).toISOString(),
    })
    page = await openPage(browser)
    await visit(page, portal)
  })
  afterAll(() => page?.context().close())

  test('shows its name and nothing else before the password', async () => {
    await page.getByRole('heading', { name: 'Tax papers' }).waitFor()

    expect(await chooser().count()).toBe(0)
    expect(await page.getByText('receipts').count()).toBe(0)
    expect(await faultsOf(page)).toEqual([])
  })

  test('says that a password is wrong, where it is typed', async () => {
    await password().fill('wrong horse')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('This password is not right.').waitFor()

    expect(await focused()).toBe('portal-password')
    expect(await password().getAttribute('aria-invalid')).toBe('true')
    expect(await faultsOf(page)).toEqual([])
  })

  test('opens by the right one, with the keyboard alone, and keeps it out of the address', async () => {
    await password().fill(PASSWORD)
    await page.keyboard.press('Enter')
    await chooser().waitFor()

    expect(await focused()).toBe('H1')
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/p/tax-papers')
    const text = await page.locator('.instructions p').innerText()
    expect(text).toContain('\n\n1. all receipts\n2. https://example.com/form <b>signed</b>')
    expect(await page.locator('.instructions a, .instructions b').count()).toBe(0)
    await page.getByText(/^Please send everything by .*, your time\.$/).waitFor()
    expect(await faultsOf(page)).toEqual([])
  })

  test('stays open when this tab is loaded again, and is locked in another', async () => {
    await page.reload()
    await chooser().waitFor()

    const other = await page.context().newPage()
    await visit(other, portal)
    await other.getByLabel('Password', { exact: true }).waitFor()
    await other.close()
  })

  test('tells what it takes before anything is chosen, and refuses other files in their place', async () => {
    const rules = page.getByText('Only PDF and images are taken, up to 2 MB each.')
    await rules.waitFor()
    expect(await chooser().getAttribute('aria-describedby')).toBe(await rules.getAttribute('id'))
    const input = page.locator('#choose-files')
    expect(await input.getAttribute('accept')).toBe('.pdf,image/*')

    await input.setInputFiles([
      file('film.mov', 'video/quicktime'),
      file('scan.pdf', 'application/pdf', 2_000_001),
      file('letter.pdf', 'application/pdf'),
    ])

    const row = (name: string) => page.getByRole('listitem').filter({ hasText: name })
    await row('film.mov').getByText('Please send it as PDF or images').waitFor()
    await row('scan.pdf').getByText('Larger than the 2 MB').waitFor()
    await page.getByRole('button', { name: 'Send 1 file' }).waitFor()
    expect(await faultsOf(page)).toEqual([])
  })

  test('asks what its owner wants to know, and for nothing else', async () => {
    expect(await page.getByLabel('Your e-mail address').count()).toBe(0)
    await page.getByLabel('Message').waitFor()

    await page.getByRole('button', { name: 'Send 1 file' }).click()

    await page.getByText('Please enter your name.').waitFor()
    expect(await focused()).toBe('clientName')
  })

  test('receives what it takes', async () => {
    await page.getByRole('button', { name: 'Remove film.mov' }).click()
    await page.getByRole('button', { name: 'Remove scan.pdf' }).click()
    await page.getByLabel('Your name').fill('Ada')
    await page.getByRole('button', { name: 'Send 1 file' }).click()

    await page.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: ARRIVAL_MS })
  })

  test('asks again when the password was changed, and goes on with what was chosen', async () => {
    portal = await change(portal, { password: NEXT_PASSWORD })
    await page.locator('#choose-files').setInputFiles([file('photo.png', 'image/png')])
    await page.getByRole('heading', { name: 'Please enter the password again' }).waitFor()
    expect(await faultsOf(page)).toEqual([])

    await password().fill(NEXT_PASSWORD)
    await page.getByRole('button', { name: 'Open' }).click()

    await page.getByRole('heading', { name: /Received|Delivered/ }).waitFor({ timeout: ARRIVAL_MS })
    const names = async () => (await cloud.delivered()).map(({ name }) => name).sort()
    await until(async () => (await names()).length === 2, { timeoutMs: ARRIVAL_MS })
    expect(await names()).toEqual(['letter.pdf', 'photo.png'])
  })
})

describe('a portal that takes nothing', () => {
  test.each([
    ['closed', 'This page is closed', {}],
    ['full', 'This page is full', { maxFiles: 1 }],
    ['late', 'The deadline has passed', { deadline: new Date(Date.now() - HOUR_MS).toISOString() }],
  ] as const)('says that it is %s', async (slug, title, settings) => {
    const name = `Letters, ${slug}`
    const portal = await createPortal(owner.http, owner.accountId, { name, slug, ...settings })
    if (slug === 'closed') await change(portal, { isActive: false })
    if (slug === 'full') {
      await handOver(owner.http, portal.id, [{ name: 'last.txt', content: Buffer.from('last') }])
    }
    const page = await openPage(browser)
    await visit(page, portal)
    await page.getByRole('heading', { name: title }).waitFor()

    await page.getByText(name).waitFor()
    expect(await page.locator('input[type=file]').count()).toBe(0)
    expect(await faultsOf(page)).toEqual([])
    await page.context().close()
  })

  test('is told to whoever has the page open already, with what was chosen', async () => {
    const portal = await createPortal(owner.http, owner.accountId, { name: 'Open', slug: 'open-1' })
    const page = await openPage(browser)
    await visit(page, portal)
    await page.locator('#choose-files').setInputFiles([file('a.txt', 'text/plain')])
    await change(portal, { isActive: false })

    await page.getByRole('button', { name: 'Send 1 file' }).click()

    await page.getByRole('heading', { name: 'This page is closed' }).waitFor()
    await page.getByText('a.txt').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.context().close()
  })
})

test('within the time of grace the deadline is told in the reader’s zone, and files count as late', async () => {
  const portal = await createPortal(owner.http, owner.accountId, {
    name: 'Competition',
    slug: 'competition',
    deadline: new Date(Date.now() - HOUR_MS).toISOString(),
    graceMinutes: 600,
  })
  const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', bypassCSP: true })
  const page = await context.newPage()
  await visit(page, portal)

  await page.getByText(/The deadline was .* GMT\+9, your time\. .* marked as late\./).waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.locator('#choose-files').setInputFiles([file('entry.txt', 'text/plain')])
  await page.getByRole('button', { name: 'Send 1 file' }).click()
  await page.getByRole('heading', { name: /Received|Delivered/ }).waitFor({ timeout: ARRIVAL_MS })

  const { uploads } = await owner.http.call<UploadsReply>(
    'GET',
    `/api/v1/uploads?portalId=${portal.id}`,
  )
  expect(uploads).toMatchObject([{ fileName: 'entry.txt', late: true }])
  await context.close()
})
