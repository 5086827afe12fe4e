/** An emulator in a directory of its own, and the calls that every test of sign-in makes, whoever the provider is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import type { Emulator } from '../../../infra/local/providers/emulator.ts'
import { EMULATORS } from '../../../infra/local/providers/emulators.ts'
import type { OAuthClient } from '../../../infra/local/providers/oauth-client.ts'
import type { OauthProviderId } from '../../../shared/contract/common.ts'
import { readForm } from './form-page.ts'

/** What differs from provider to provider. */
interface EmulatorUnderTest {
  id: OauthProviderId
  client: OAuthClient
  otherClient: OAuthClient
  authorizePath: string
  tokenPath: string
  /** What is asked for when a test does not say. */
  scope: string
  /** Members of a request for access that lasts. */
  offline: Record<string, string>
}

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

export interface Tokens {
  access_token: string
  refresh_token?: string
  id_token?: string
  scope: string
  expires_in: number
  token_type: string
}

interface TokenRefusal {
  error?: string
  error_description?: string
}

type AuthorizeOptions = Record<string, string>

export function emulatorFixture<Own extends Tokens>({
  id,
  client,
  otherClient,
  authorizePath,
  tokenPath,
  scope,
  offline,
}: EmulatorUnderTest) {
  const redirectUri = redirectUriOf(client)

  async function startEmulator(cleanup: Cleanup = onTestFinished): Promise<Fixture> {
    const dataDir = await mkdtemp(join(tmpdir(), `${id}-emulator-`))
    cleanup(() => rm(dataDir, { recursive: true, force: true }))
    return await startOn(dataDir, new LocalClock(), cleanup)
  }

  async function startOn(dataDir: string, clock: LocalClock, cleanup: Cleanup): Promise<Fixture> {
    const emulator = EMULATORS[id].create({ dataDir, clock })
    emulator.registerClient(client)
    emulator.registerClient(otherClient)
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

  function authorizeUrl(fixture: Fixture, options: AuthorizeOptions = {}): URL {
    const url = new URL(authorizePath, fixture.url)
    const members = {
      client_id: client.clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope,
      state: 'state-1',
      ...options,
    }
    for (const [name, value] of Object.entries(members)) {
      if (value !== '') url.searchParams.set(name, value)
    }
    return url
  }

  /** Opens the page, presses a button, and returns where the browser is sent. */
  async function consent(
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

  async function codeFor(fixture: Fixture, options: AuthorizeOptions = {}): Promise<string> {
    return (await consent(fixture, options)).searchParams.get('code') ?? ''
  }

  async function postToken(
    fixture: Fixture,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Own & TokenRefusal }> {
    const reply = await fetch(`${fixture.url}${tokenPath}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers,
    })
    const body = (await reply.json()) as Own & TokenRefusal
    return { status: reply.status, body }
  }

  function codeForm(code: string, more: Record<string, string> = {}): Record<string, string> {
    return {
      grant_type: 'authorization_code',
      client_id: client.clientId,
      client_secret: client.clientSecret,
      redirect_uri: redirectUri,
      code,
      ...more,
    }
  }

  function refreshForm(token: string, more: Record<string, string> = {}) {
    return {
      grant_type: 'refresh_token',
      client_id: client.clientId,
      client_secret: client.clientSecret,
      refresh_token: token,
      ...more,
    }
  }

  /** Tokens of a whole sign-in with offline access. */
  async function signIn(
    fixture: Fixture,
    options: AuthorizeOptions = {},
    account = 'owner@example.com',
  ): Promise<Own> {
    const asked = { ...offline, ...options }
    const redirect = await consent(fixture, asked, { account })
    const by = options['client_id'] === otherClient.clientId ? otherClient : client
    const { status, body } = await postToken(fixture, {
      ...codeForm(redirect.searchParams.get('code') ?? ''),
      client_id: by.clientId,
      client_secret: by.clientSecret,
      redirect_uri: options['redirect_uri'] ?? redirectUri,
    })
    if (status !== 200) throw new Error(`sign-in failed: ${JSON.stringify(body)}`)
    return body
  }

  return {
    startEmulator,
    authorizeUrl,
    consent,
    codeFor,
    postToken,
    codeForm,
    refreshForm,
    signIn,
  }
}

export function redirectUriOf({ redirectUris: [first] }: OAuthClient): string {
  if (first === undefined) throw new Error('the client has no redirect URI')
  return first
}
