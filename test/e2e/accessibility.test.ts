/** Every page in both colour schemes, on a telephone and on a desk, as axe-core judges it. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PortalReply } from '../../shared/contract/portals.ts'
import {
  announce,
  createPortal,
  handOver,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'
import { launchBrowser } from './browser.ts'
import { faultsOf, openPage } from './faults.ts'

const SESSION_COOKIE = 'portage_session'
const DELIVERY_MS = 30_000

let cloud: TestCloud
let browser: Browser
let owner: Owner
/** The one that the page of a portal is tried with. */
let portal: PortalReply
let page: Page

beforeAll(async () => {
  ;[cloud, browser] = await Promise.all([startTestCloud(), launchBrowser()])
  owner = await cloud.owner()
  portal = await createPortal(owner.http, owner.accountId, {
    name: 'Tax papers',
    slug: 'tax-papers',
    requireClientEmail: true,
  })
  const files = [
    { name: 'invoice.pdf', content: Buffer.from('invoice') },
    {
      name: 'a photograph.jpg',
      content: Buffer.from('photograph'),
      relativePath: 'trip/a photograph.jpg',
    },
  ]
  await handOver(owner.http, owner.portal.id, files)
  await announce(owner.http, owner.portal.id, [{ name: 'late.pdf', content: Buffer.from('late') }])
  await until(async () => (await cloud.delivered()).length === files.length)
})

afterAll(async () => {
  await browser?.close()
  await cloud?.close()
})

const faults = () => faultsOf(page)

describe('the page of a portal', () => {
  beforeAll(async () => {
    page = await openPage(browser)
    await page.goto(`${cloud.cloud.urls.app}/p/${portal.slug}`)
  })
  afterAll(() => page.context().close())

  test('that is empty', async () => {
    await page.getByRole('heading', { name: portal.name }).waitFor()

    expect(await faults()).toEqual([])
  })

  test('with files, and a field that is not filled in', async () => {
    await page.locator('#choose-files').setInputFiles([
      { name: 'letter.pdf', mimeType: 'application/pdf', buffer: Buffer.from('letter') },
      { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('photo') },
    ])
    await page.getByRole('button', { name: 'Send 2 files' }).click()
    await page.getByText('Please enter your e-mail address.').waitFor()

    expect(await faults()).toEqual([])
  })

  test('whose server refuses a field: what was typed stays, and the field has the focus', async () => {
    const email = page.getByLabel('Your e-mail address')
    await page.getByLabel('Your name').fill('Ada')
    await email.fill('client@example.c')
    await page.getByRole('button', { name: 'Send 2 files' }).click()
    await page.getByText('This must be an e-mail address.').waitFor()

    expect(await page.locator(':focus').getAttribute('name')).toBe('clientEmail')
    expect(await email.inputValue()).toBe('client@example.c')
    expect(await page.getByLabel('Your name').inputValue()).toBe('Ada')
    expect(await faults()).toEqual([])
  })

  test('whose files are delivered', async () => {
    await page.getByLabel('Your e-mail address').fill('client@example.com')
    await page.getByRole('button', { name: 'Send 2 files' }).click()
    await page.getByRole('heading', { name: 'Delivered' }).waitFor({ timeout: DELIVERY_MS })

    expect(await faults()).toEqual([])
  })

  test('that does not exist', async () => {
    await page.goto(`${cloud.cloud.urls.app}/p/nowhere-at-all`)
    await page.getByRole('heading', { name: 'This link leads nowhere' }).waitFor()

    expect(await faults()).toEqual([])
  })
})

describe('the dashboard', () => {
  const visit = (path: string) => page.goto(`${cloud.cloud.urls.app}${path}`)

  beforeAll(async () => {
    page = await openPage(browser)
  })
  afterAll(() => page.context().close())

  test('before the sign-in', async () => {
    await visit('/sign-in?error=SIGN_IN_DENIED')
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()

    expect(await faults()).toEqual([])
  })

  test('overview', async () => {
    const value = owner.http.cookie(SESSION_COOKIE) ?? ''
    await page.context().addCookies([{ name: SESSION_COOKIE, value, url: cloud.cloud.urls.app }])
    await visit('/')
    await page.getByRole('heading', { name: 'Recent files' }).waitFor()

    expect(await faults()).toEqual([])
  })

  test('accounts', async () => {
    await visit('/accounts')
    await page.getByText('Connected', { exact: true }).first().waitFor()

    expect(await faults()).toEqual([])
  })

  test('portals', async () => {
    await visit('/portals')
    await page.getByRole('button', { name: `Delete ${portal.name}` }).waitFor()

    expect(await faults()).toEqual([])
  })

  test('the form of a new portal, with a field that is not right', async () => {
    await visit('/portals/new')
    await page.getByRole('button', { name: 'Create portal' }).click()
    await page.getByText('Give the portal a name.').waitFor()

    expect(await faults()).toEqual([])
  })

  test('files', async () => {
    await visit('/files')
    await page.getByText('late.pdf').waitFor()

    expect(await faults()).toEqual([])
  })

  test('details of a file', async () => {
    await page.getByRole('button', { name: 'Details of invoice.pdf' }).click()
    await page.getByRole('dialog').getByText('SHA-256').waitFor()

    expect(await faults()).toEqual([])
  })
})
