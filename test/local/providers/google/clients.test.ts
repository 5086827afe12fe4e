/** The emulator as unmodified client libraries see it. */
import { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import * as oidc from 'openid-client'
import { describe, expect, it } from 'vitest'
import { content, digest } from './drive-client.ts'
import {
  CLIENT,
  consent,
  DRIVE_FILE,
  type Fixture,
  REDIRECT_URI,
  signIn,
  startEmulator,
} from './emulator-fixture.ts'

async function discover(fixture: Fixture): Promise<oidc.Configuration> {
  return await oidc.discovery(
    new URL(fixture.url),
    CLIENT.clientId,
    CLIENT.clientSecret,
    undefined,
    { execute: [oidc.allowInsecureRequests] },
  )
}

describe('openid-client', () => {
  it('discovers, signs in with PKCE and nonce, reads userinfo, refreshes and revokes', async () => {
    const fixture = await startEmulator()
    const config = await discover(fixture)
    const verifier = oidc.randomPKCECodeVerifier()
    const nonce = oidc.randomNonce()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: `openid email profile ${DRIVE_FILE}`,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      access_type: 'offline',
      prompt: 'consent',
      state: 'the-state',
      nonce,
    })

    const callback = await consent(fixture, Object.fromEntries(url.searchParams))
    const tokens = await oidc.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState: 'the-state',
      expectedNonce: nonce,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    const info = await oidc.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '')
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
    await oidc.tokenRevocation(config, tokens.refresh_token ?? '')

    expect(claims?.iss).toBe(fixture.url)
    expect(info.email).toBe('owner@example.com')
    expect(refreshed.access_token).not.toBe(tokens.access_token)
    await expect(oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    })
  })

  it('reports a denial', async () => {
    const fixture = await startEmulator()
    const config = await discover(fixture)

    const callback = await consent(fixture, {}, { decision: 'deny' })

    await expect(
      oidc.authorizationCodeGrant(config, callback, { expectedState: 'state-1' }),
    ).rejects.toMatchObject({ error: 'access_denied' })
  })
})

describe('googleapis', () => {
  it('reserves ids, makes folders, uploads, lists, reads, bins and deletes', async () => {
    const fixture = await startEmulator()
    const { access_token } = await signIn(fixture)
    const api = new drive_v3.Drive({})
    const options = {
      rootUrl: `${fixture.url}/`,
      headers: { authorization: `Bearer ${access_token}` },
    }
    const data = content(300_000)

    const ids = (await api.files.generateIds({ count: 2 }, options)).data.ids ?? []
    const [folderId = '', fileId = ''] = ids
    await api.files.create(
      {
        requestBody: {
          id: folderId,
          name: 'Portage',
          mimeType: 'application/vnd.google-apps.folder',
        },
      },
      options,
    )
    const created = await api.files.create(
      {
        requestBody: { id: fileId, name: 'a.bin', parents: [folderId] },
        media: { mimeType: 'application/pdf', body: data.toString('latin1') },
        fields: 'id,size,mimeType,parents',
      },
      options,
    )
    const listed = await api.files.list(
      { q: `'${folderId}' in parents`, fields: 'files(id)' },
      options,
    )
    const read = await api.files.get({ fileId, fields: 'sha256Checksum' }, options)
    const quota = await api.about.get({ fields: 'storageQuota,user' }, options)
    const updated = await api.files.update(
      { fileId, requestBody: { trashed: true }, fields: 'trashed' },
      options,
    )
    await api.files.delete({ fileId: folderId }, options)

    const stored = Buffer.from(data.toString('latin1'))
    expect(created.data).toEqual({
      id: fileId,
      size: String(stored.length),
      mimeType: 'application/pdf',
      parents: [folderId],
    })
    expect(listed.data.files).toEqual([{ id: fileId }])
    expect(read.data.sha256Checksum).toBe(digest('sha256', stored))
    expect(quota.data.storageQuota?.usage).toBe(String(stored.length))
    expect(quota.data.user?.emailAddress).toBe('owner@example.com')
    expect(updated.data).toEqual({ trashed: true })
    await expect(api.files.get({ fileId }, options)).rejects.toMatchObject({ status: 404 })
  })
})
