import { describe, expect, it } from 'vitest'
import { readForm } from '../form-page.ts'
import {
  authorizeUrl,
  CLIENT,
  codeForm,
  consent,
  DRIVE_FILE,
  GRANTED,
  postToken,
  REDIRECT_URI,
  startEmulator,
} from './emulator-fixture.ts'

async function openPage(options: Record<string, string> = {}, path = '/o/oauth2/v2/auth') {
  const fixture = await startEmulator()
  const url = authorizeUrl(fixture, options)
  url.pathname = path
  const reply = await fetch(url, { redirect: 'manual' })
  return { fixture, url, reply, html: await reply.text() }
}

describe('the consent page', () => {
  it.each(['/o/oauth2/v2/auth', '/o/oauth2/auth'])('is one plain form at %s', async (path) => {
    const { html, url, reply } = await openPage({ state: `a"b'<c>&d` }, path)

    const form = readForm(html, url.href)

    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(form.action.pathname).toBe(path)
    expect(form.fields.get('state')).toBe(`a"b'<c>&d`)
    expect(form.scopes).toEqual(['openid', 'email', 'profile', DRIVE_FILE])
    expect(form.fields.get('scopes_shown')).toBe(`openid email profile ${DRIVE_FILE}`)
    expect(html).toContain('<select id="account" name="account">')
    expect(html).toContain('value="owner@example.com"')
    expect(html).toContain('value="second@example.com"')
    expect(html).toMatch(/<button[^>]* name="decision" value="allow">/)
    expect(html).toMatch(/<button[^>]* name="decision" value="deny">/)
    expect(html).not.toMatch(/password"|<script|https?:\/\/[^"]*\.(js|css)/)
  })

  it('shows each scope once, the identity scopes in a group of their own', async () => {
    const { html, url } = await openPage({ scope: `openid email email ${DRIVE_FILE} openid` })

    expect(readForm(html, url.href).scopes).toEqual(['openid', 'email', DRIVE_FILE])
    expect(html.match(/<legend>Who you are<\/legend>/g)).toHaveLength(1)
    expect(html.match(/<legend>What it may do<\/legend>/g)).toHaveLength(1)
  })

  it('preselects the account of login_hint', async () => {
    const { html } = await openPage({ login_hint: 'second@example.com', prompt: 'select_account' })

    expect(html).toContain('<option value="second@example.com" selected="selected">')
    expect(html).not.toContain('<option value="owner@example.com" selected')
  })

  it.each([
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    [
      'a redirect URI with another path',
      { redirect_uri: `${REDIRECT_URI}/` },
      400,
      'redirect_uri_mismatch',
    ],
    [
      'a redirect URI in another case',
      { redirect_uri: REDIRECT_URI.toUpperCase() },
      400,
      'redirect_uri_mismatch',
    ],
    ['another response type', { response_type: 'token' }, 400, 'invalid_request'],
    ['no scope', { scope: '' }, 400, 'invalid_request'],
    [
      'an unknown challenge method',
      { code_challenge: 'x', code_challenge_method: 'S512' },
      400,
      'invalid_request',
    ],
  ])('shows an error and never redirects for %s', async (_, options, status, code) => {
    const { reply, html } = await openPage(options)

    expect(reply.status).toBe(status)
    expect(reply.headers.get('location')).toBeNull()
    expect(html).toContain(code)
  })

  it('cannot be skipped: prompt=none is sent back', async () => {
    const { reply } = await openPage({ prompt: 'none' })

    const location = new URL(reply.headers.get('location') ?? '')
    expect(location.searchParams.get('error')).toBe('interaction_required')
  })
})

describe('the decision', () => {
  it('allow leads back with code, scope, state and iss', async () => {
    const fixture = await startEmulator()

    const target = await consent(fixture)

    expect(target.href).toMatch(new RegExp(`^${REDIRECT_URI}\\?code=`))
    expect(target.searchParams.get('state')).toBe('state-1')
    const scopes = new Set(target.searchParams.get('scope')?.split(' '))
    expect(scopes).toEqual(new Set(['email', 'profile', ...GRANTED.split(' ')]))
    expect(target.searchParams.get('iss')).toBe(fixture.url)
    expect(target.searchParams.get('code')?.length).toBeLessThanOrEqual(256)
  })

  it('deny leads back with access_denied and state', async () => {
    const fixture = await startEmulator()

    const target = await consent(fixture, {}, { decision: 'deny' })

    expect(target.searchParams.get('error')).toBe('access_denied')
    expect(target.searchParams.get('state')).toBe('state-1')
    expect(target.searchParams.has('code')).toBe(false)
  })

  it('grants what stays ticked and nothing that was not asked for', async () => {
    const fixture = await startEmulator()

    const target = await consent(
      fixture,
      {},
      { scopes: ['openid', 'email', 'https://evil.example'] },
    )
    const { body } = await postToken(fixture, codeForm(target.searchParams.get('code') ?? ''))

    expect(target.searchParams.get('scope')).not.toContain(DRIVE_FILE)
    expect(target.searchParams.get('scope')).not.toContain('evil')
    expect(body.scope).toBe('openid https://www.googleapis.com/auth/userinfo.email')
  })

  it('is a denial when everything was shown and nothing ticked', async () => {
    const fixture = await startEmulator()

    const target = await consent(fixture, {}, { scopes: [] })

    expect(target.searchParams.get('error')).toBe('access_denied')
  })

  it('grants everything to a POST that knows neither scope nor scopes_shown', async () => {
    const fixture = await startEmulator()

    const reply = await fetch(authorizeUrl(fixture), {
      method: 'POST',
      body: new URLSearchParams({ account: 'owner@example.com', decision: 'allow' }),
      redirect: 'manual',
    })

    const target = new URL(reply.headers.get('location') ?? '')
    expect(reply.status).toBe(302)
    expect(target.searchParams.get('scope')).toContain(`openid email profile ${DRIVE_FILE}`)
  })

  it('is checked again: neither a changed redirect nor an unknown account gets a code', async () => {
    const fixture = await startEmulator()
    const post = (fields: Record<string, string>) =>
      fetch(authorizeUrl(fixture), {
        method: 'POST',
        body: new URLSearchParams({ account: 'owner@example.com', decision: 'allow', ...fields }),
        redirect: 'manual',
      })

    for (const fields of [
      { redirect_uri: 'https://evil.example/' },
      { account: 'nobody@example.com' },
      { decision: 'maybe' },
    ]) {
      const reply = await post(fields)
      expect(reply.status).toBe(400)
      expect(reply.headers.get('location')).toBeNull()
    }
  })

  it('adds earlier scopes only with include_granted_scopes', async () => {
    const fixture = await startEmulator()
    await consent(fixture, { scope: DRIVE_FILE })

    const alone = await consent(fixture, { scope: 'openid' })
    const added = await consent(fixture, { scope: 'openid', include_granted_scopes: 'true' })

    expect(alone.searchParams.get('scope')).toBe('openid')
    expect(added.searchParams.get('scope')).toBe(`openid ${DRIVE_FILE}`)
  })

  it('keeps a query that the redirect URI has', async () => {
    const fixture = await startEmulator()
    const redirectUri = 'http://127.0.0.1:4400/cb?flow=1'
    fixture.emulator.registerClient({ ...CLIENT, redirectUris: [redirectUri] })

    const target = await consent(fixture, { redirect_uri: redirectUri })

    expect(target.searchParams.get('flow')).toBe('1')
    expect(target.searchParams.has('code')).toBe(true)
  })
})
