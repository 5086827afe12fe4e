/** A Google emulator in a directory of its own, and the calls that every test of it makes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { LocalClock } from '../../../../infra/local/clock.ts'
import type { Emulator } from '../../../../infra/local/providers/emulator.ts'
import { createGoogleEmulator } from '../../../../infra/local/providers/google/google-emulator.ts'
import { readForm } from '../form-page.ts'

export const CLIENT = {
  clientId: 'portage.apps.example',
  clientSecret: 'kept:secret',
  redirectUris: ['http://127.0.0.1:4400/api/oauth/google/callback'],
}
export const OTHER_CLIENT = {
  clientId: 'another.apps.example',
  clientSecret: 'other-secret',
  redirectUris: ['http://127.0.0.1:4400/other'],
}
export const REDIRECT_URI = CLIENT.redirectUris[0] ?? ''
export const DRIVE_FILE = 'https://www.googleapis.com/auth/drive.file'
export const DRIVE = 'https://www.googleapis.com/auth/drive'
/** How Google spells `openid email profile` and drive.file when it answers. */
export const GRANTED = `openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile ${DRIVE_FILE}`
export const UNIT = 256 * 1024

export interface Fixture {
  url: string
  clock: LocalClock
  dataDir: string
  emulator: Emulator
  close(): Promise<void>
  /** Closes the emulator and starts it again on the same data. */
  restart(): Promise<Fixture>
}

/** When things are put away: after the test, or after the file for what its tests share. */
type Cleanup = (work: () => Promise<void>) => void

export async function startEmulator(cleanup: Cleanup = onTestFinished): Promise<Fixture> {
  const dataDir = await mkdtemp(join(tmpdir(), 'google-emulator-'))
  cleanup(() => rm(dataDir, { recursive: true, force: true }))
  return await startOn(dataDir, new LocalClock(), cleanup)
}

async function startOn(dataDir: string, clock: LocalClock, cleanup: Cleanup): Promise<Fixture> {
  const emulator = createGoogleEmulator({ dataDir, clock })
  emulator.registerClient(CLIENT)
  emulator.registerClient(OTHER_CLIENT)
  const { url } = await emulator.listen(0)
  let open = true
  const close = async () => {
    if (open) await emulator.close()
    open = false
  }
  cleanup(close)
  return {
    url,
    clock,
    dataDir,
    emulator,
    close,
    async restart() {
      await close()
      return await startOn(dataDir, clock, cleanup)
    },
  }
}

type AuthorizeOptions = Record<string, string>

export function authorizeUrl(fixture: Fixture, options: AuthorizeOptions = {}): URL {
  const url = new URL('/o/oauth2/v2/auth', fixture.url)
  const members = {
    client_id: CLIENT.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: `openid email profile ${DRIVE_FILE}`,
    state: 'state-1',
    ...options,
  }
  for (const [name, value] of Object.entries(members)) url.searchParams.set(name, value)
  return url
}

/** Opens the page, presses a button, and returns where the browser is sent. */
export async function consent(
  fixture: Fixture,
  options: AuthorizeOptions = {},
  answer: { account?: string; decision?: string; scopes?: string[] } = {},
): Promise<URL> {
  const pageUrl = authorizeUrl(fixture, options)
  const page = await fetch(pageUrl)
  const form = readForm(await page.text(), pageUrl.href)
  const fields = new URLSearchParams(form.fields)
  for (const scope of answer.scopes ?? form.scopes) fields.append('scope', scope)
  fields.set('account', answer.account ?? 'owner@example.com')
  fields.set('decision', answer.decision ?? 'allow')
  const reply = await fetch(form.action, { method: 'POST', body: fields, redirect: 'manual' })
  const location = reply.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${reply.status} ${await reply.text()}`)
  return new URL(location)
}

export async function codeFor(fixture: Fixture, options: AuthorizeOptions = {}): Promise<string> {
  return (await consent(fixture, options)).searchParams.get('code') ?? ''
}

export interface Tokens {
  access_token: string
  refresh_token?: string
  id_token?: string
  scope: string
  expires_in: number
  token_type: string
}

export async function postToken(
  fixture: Fixture,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Tokens & { error?: string; error_description?: string } }> {
  const reply = await fetch(`${fixture.url}/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers,
  })
  const body = (await reply.json()) as Tokens & { error?: string; error_description?: string }
  return { status: reply.status, body }
}

export function codeForm(code: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    redirect_uri: REDIRECT_URI,
    code,
    ...more,
  }
}

export function refreshForm(token: string, more: Record<string, string> = {}) {
  return {
    grant_type: 'refresh_token',
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    refresh_token: token,
    ...more,
  }
}

/** Tokens of a whole sign-in with offline access. */
export async function signIn(
  fixture: Fixture,
  options: AuthorizeOptions = {},
  account = 'owner@example.com',
): Promise<Tokens> {
  const asked = { access_type: 'offline', prompt: 'consent', ...options }
  const redirect = await consent(fixture, asked, { account })
  const client = options['client_id'] === OTHER_CLIENT.clientId ? OTHER_CLIENT : CLIENT
  const { status, body } = await postToken(fixture, {
    ...codeForm(redirect.searchParams.get('code') ?? ''),
    client_id: client.clientId,
    client_secret: client.clientSecret,
    redirect_uri: options['redirect_uri'] ?? REDIRECT_URI,
  })
  if (status !== 200) throw new Error(`sign-in failed: ${JSON.stringify(body)}`)
  return body
}

export function signInOther(fixture: Fixture, scope: string): Promise<Tokens> {
  return signIn(fixture, {
    client_id: OTHER_CLIENT.clientId,
    redirect_uri: OTHER_CLIENT.redirectUris[0] ?? '',
    scope,
  })
}
