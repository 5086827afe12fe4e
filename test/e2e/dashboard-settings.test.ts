/** What an owner does in the dashboard beside the main job: accounts, portals' settings, files, activity, settings. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PortalReply } from '../../shared/contract/portals.ts'
import { SWEEP } from '../support/deliveries.ts'
import {
  handOver,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'
import { launchBrowser } from './browser.ts'
import { faultsOf, openPage } from './faults.ts'

const SESSION_COOKIE = 'portage_session'

let cloud: TestCloud
let browser: Browser
let owner: Owner
let page: Page

beforeAll(async () => {
  ;[cloud, browser] = await Promise.all([startTestCloud(), launchBrowser()])
  owner = await cloud.owner()
  await handOver(owner.http, owner.portal.id, [
    { name: 'invoice.pdf', content: Buffer.from('invoice') },
    { name: 'notes.txt', content: Buffer.from('notes') },
  ])
  await until(async () => (await cloud.delivered()).length === 2)
  page = await openPage(browser)
  const value = owner.http.cookie(SESSION_COOKIE) ?? ''
  await page.context().addCookies([{ name: SESSION_COOKIE, value, url: cloud.cloud.urls.app }])
})

afterAll(async () => {
  await browser?.close()
  await cloud?.close()
})

const visit = (path: string) => page.goto(`${cloud.cloud.urls.app}${path}`)
const dialog = () => page.getByRole('dialog')
const button = (name: string | RegExp) => page.getByRole('button', { name })
const status = (word: string) => page.getByText(word, { exact: true }).first()
const row = (name: string) => page.getByRole('row').filter({ hasText: name })
const portals = () => owner.http.call<PortalReply[]>('GET', '/api/portals')

async function setQuota(totalBytes: number | null): Promise<void> {
  const reply = await fetch(
    `${cloud.cloud.urls.google}/_emulator/accounts/${encodeURIComponent(owner.email)}/quota`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ totalBytes }),
    },
  )
  if (!reply.ok) throw new Error(`emulator: ${reply.status} ${await reply.text()}`)
}

describe('an account (A18, C2, C9)', () => {
  test('is paused by the keyboard alone, and its portals say why they take nothing', async () => {
    await visit('/accounts')
    await button(`Pause Google Drive · ${owner.email}`).focus()
    await page.keyboard.press('Enter')
    await dialog().getByText('1 open portal will take no files').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await dialog().getByRole('button', { name: 'Pause' }).focus()
    await page.keyboard.press('Enter')

    await status('Inactive').waitFor()
    await page.getByText('Storage: INACTIVE').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await visit('/portals')
    await page.getByText('Storage Inactive').waitFor()
    expect(await faultsOf(page)).toEqual([])
  })

  test('is reactivated, and its portals open by themselves', async () => {
    await visit('/accounts')
    await button(`Reactivate Google Drive · ${owner.email}`).click()
    await status('Connected').waitFor()

    await visit('/portals')
    await page.getByText('Takes files').waitFor()
  })

  test('is checked, and what was found is told', async () => {
    await visit('/accounts')
    await button('Sync OAuth Status').click()
    await page.getByText('Every status was right').waitFor()
    await button('Fix Storage').click()
    await page.getByText('1 account checked and in order.').waitFor()

    expect(await faultsOf(page)).toEqual([])
  })
})

describe('a portal (A17, A18)', () => {
  test('is changed: what is wrong stands at its field, then everything is kept', async () => {
    await visit('/portals')
    await page.getByRole('link', { name: `Settings ${owner.portal.name}` }).click()
    await page.getByLabel('Instructions').fill('Please sign them first.')
    await page.getByLabel('Take only these kinds').fill('pdf, ex!e')
    await page.getByLabel('Files altogether').fill('50')
    await page.getByLabel('Who may open the link').selectOption('set')
    await page.getByLabel('Password', { exact: true }).fill('short')
    await button('Save settings').click()
    await page.getByText('“ex!e” must be like').waitFor()
    await page.getByText('Must have at least 8 characters.').waitFor()
    expect(await page.locator(':focus').getAttribute('data-path')).toBe('allowedTypes')
    expect(await faultsOf(page)).toEqual([])

    await page.getByLabel('Take only these kinds').fill('pdf, txt')
    await page.getByLabel('Password', { exact: true }).fill('long enough')
    await button('Save settings').click()
    await page.getByText('The settings are saved').waitFor()

    const [changed] = await portals()
    expect(changed).toMatchObject({
      instructions: 'Please sign them first.',
      allowedTypes: ['.pdf', '.txt'],
      maxFiles: 50,
      passwordRequired: true,
    })
  })

  test('that somebody changed meanwhile is not overwritten', async () => {
    await visit(`/portals/${owner.portal.id}`)
    await page.getByLabel('Files altogether').fill('60')
    const [before] = await portals()
    await owner.http.call('PUT', `/api/portals/${owner.portal.id}`, {
      headers: { 'if-match': `"${before?.version}"` },
      json: { instructions: null, allowedTypes: [], password: null },
    })
    await button('Save settings').click()
    await page.getByText('Somebody changed it meanwhile').waitFor()
    expect(await faultsOf(page)).toEqual([])

    await button('Load it again').click()
    await page.waitForFunction(() => document.querySelector('textarea')?.value === '')
    await page.getByLabel('Files altogether').fill('60')
    await button('Save settings').click()
    await page.getByText('The settings are saved').waitFor()
    const [after] = await portals()
    expect(after).toMatchObject({ maxFiles: 60, instructions: null, passwordRequired: false })
  })

  test('is closed and opened again', async () => {
    await visit('/portals')
    await button(`Close ${owner.portal.name}`).click()
    await page.getByText('The portal is closed').waitFor()
    await page.getByText('You closed it.').waitFor()
    await button(`Reopen ${owner.portal.name}`).click()
    await page.getByText('The portal is open again').waitFor()

    const [portal] = await portals()
    expect(portal?.acceptsUploads).toBe(true)
  })

  test('is duplicated with its settings, and the copy is deleted', async () => {
    await visit('/portals')
    await page.getByRole('link', { name: `Duplicate ${owner.portal.name}` }).click()
    await button('Create portal').click()
    await page.getByText(`“Copy of ${owner.portal.name}” is open`).waitFor()
    const copy = (await portals()).find(({ name }) => name.startsWith('Copy of'))
    expect(copy).toMatchObject({ slug: `copy-of-${owner.portal.slug}`, maxFiles: 60 })

    await button(`Delete Copy of ${owner.portal.name}`).click()
    await dialog().getByText('No file was delivered through it.').waitFor()
    await dialog().getByRole('button', { name: 'Delete' }).click()
    await button(`Delete Copy of ${owner.portal.name}`).waitFor({ state: 'detached' })
    expect(await portals()).toHaveLength(1)
  })
})

describe('files (A18, C25)', () => {
  test('are found by name and status, and the filters stand in the address', async () => {
    await visit('/files')
    await row('invoice.pdf').waitFor()
    await page.getByLabel('Name begins with').fill('INV')
    await row('notes.txt').waitFor({ state: 'detached' })
    await row('invoice.pdf').waitFor()
    await page.getByLabel('Status').selectOption('held')
    await page.getByText('No file fits these filters').waitFor()
    expect(new URL(page.url()).search).toBe('?q=INV&status=held')
    expect(await faultsOf(page)).toEqual([])

    await button('Clear filters').click()
    await row('notes.txt').waitFor()
    expect(new URL(page.url()).search).toBe('')
  })

  test('that wait are delivered when they are retried', async () => {
    await setQuota(1)
    await handOver(owner.http, owner.portal.id, [
      { name: 'waiting.txt', content: Buffer.from('waiting') },
    ])
    await visit('/files?status=held')
    await row('waiting.txt').getByText('Your storage is full.').waitFor()
    expect(await faultsOf(page)).toEqual([])

    await setQuota(null)
    await row('waiting.txt')
      .getByRole('button', { name: /^Retry now/ })
      .click()
    await page.getByText('It is tried again within a minute').waitFor()
    await owner.http.call('POST', `/_local/schedules/${SWEEP}/run`, { json: {} })
    await visit('/files')
    await row('waiting.txt').locator('[data-status="uploaded"]').waitFor()
    expect((await cloud.delivered()).map(({ name }) => name)).toContain('waiting.txt')
  })
})

describe('an account that is left behind (C2, C25, C32)', () => {
  test('is disconnected after its owner was told what that stops', async () => {
    await visit('/accounts')
    await button(`Disconnect Google Drive · ${owner.email}`).click()
    await dialog().getByText('1 portal stops taking files').waitFor()
    await dialog().getByText('3 delivered files become unreachable here.').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await dialog().getByRole('button', { name: 'Disconnect' }).click()

    await status('Unavailable').waitFor()
    await page.getByText('Storage: DISCONNECTED').waitFor()
    await visit('/portals')
    await page.getByText('Storage Disconnected').waitFor()
  })

  test('leaves files of which only the record can be removed', async () => {
    await visit('/files')
    await button('Delete notes.txt').click()
    await dialog().getByRole('button', { name: 'Remove the record only' }).click()
    await row('notes.txt').waitFor({ state: 'detached' })

    expect((await cloud.delivered()).map(({ name }) => name)).toContain('notes.txt')
  })

  test('leaves portals that move to the next one that is connected', async () => {
    await visit('/api/oauth/google/start?returnTo=/accounts')
    await page.getByLabel('Account').selectOption(SECOND_OWNER)
    await button('Allow').click()
    await page
      .getByText(
        `You connected Google Drive · ${SECOND_OWNER}; 1 portal still points at Google Drive · ${owner.email}`,
      )
      .waitFor()
    expect(await faultsOf(page)).toEqual([])
    await button('Move them').click()
    await dialog().getByRole('button', { name: 'Move 1 portal' }).click()
    await page.getByText('1 portal moved').waitFor()

    const [moved] = await portals()
    expect(moved).toMatchObject({ isActive: true, acceptsUploads: true })
    expect(moved?.storageAccountId).not.toBe(owner.accountId)
  })
})

describe('what happened and what is set (A18)', () => {
  test('is told in words, with the file that it was about', async () => {
    await visit('/activity')
    await page.getByText('went from active to disconnected').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await button('Show the file').first().click()
    await dialog().getByText('SHA-256').waitFor()
  })

  test('can be set: the name that is shown, and which mails come', async () => {
    await visit('/settings')
    await page.getByRole('textbox', { name: 'Name' }).fill('Olivia O.')
    await button('Save profile').click()
    await page.getByText('Your profile is saved').waitFor()
    await page.getByRole('switch', { name: 'New files' }).click()
    await page.getByText('Saved.', { exact: true }).waitFor()
    expect(await faultsOf(page)).toEqual([])

    expect(await owner.http.call('GET', '/api/settings/notifications')).toMatchObject({
      newFiles: false,
    })
    await page.getByRole('banner').getByText('Olivia O.').waitFor()
  })

  test('is for nobody whose session has ended, and it goes on after the next sign-in', async () => {
    await visit('/files?q=inv')
    await row('invoice.pdf').waitFor()
    await page.context().clearCookies()
    await page.getByLabel('Name begins with').fill('notes')
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()

    const returnTo = new URL(page.url()).searchParams.get('returnTo')
    expect(returnTo).toMatch(/^\/files\?q=/)
  })
})
