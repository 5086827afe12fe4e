import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { driveOf } from './drive-client.ts'
import {
  CLIENT,
  codeFor,
  codeForm,
  postToken,
  refreshForm,
  signIn,
  startEmulator,
} from './emulator-fixture.ts'

describe('who somebody is', () => {
  it('stands in an id_token signed by the published key', async () => {
    const fixture = await startEmulator()
    const { body } = await postToken(fixture, codeForm(await codeFor(fixture, { nonce: 'n-1' })))
    const [header = '', payload = '', signature = ''] = (body.id_token ?? '').split('.')
    const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const jwks = (await (await fetch(`${fixture.url}/oauth2/v3/certs`)).json()) as {
      keys: Record<string, string>[]
    }
    const certificates = (await (await fetch(`${fixture.url}/oauth2/v1/certs`)).json()) as Record<
      string,
      string
    >

    const signed = Buffer.from(`${header}.${payload}`)
    const jwk = createPublicKey({ key: jwks.keys[0] ?? {}, format: 'jwk' })
    expect(alg).toBe('RS256')
    expect(jwks.keys[0]).toMatchObject({ kid, kty: 'RSA', use: 'sig' })
    expect(verify('sha256', signed, jwk, Buffer.from(signature, 'base64url'))).toBe(true)
    const certificate = new X509Certificate(certificates[kid] ?? '')
    expect(certificate.publicKey.export({ format: 'jwk' })).toEqual(jwk.export({ format: 'jwk' }))
    expect(certificate.verify(jwk)).toBe(true)
    expect(claims).toMatchObject({
      iss: fixture.url,
      aud: CLIENT.clientId,
      azp: CLIENT.clientId,
      email: 'owner@example.com',
      email_verified: true,
      name: 'Olivia Owner',
      nonce: 'n-1',
    })
    expect(claims.sub).toMatch(/^\d{21}$/)
    expect(claims.exp - claims.iat).toBe(3600)
    expect(claims.at_hash).toBe(
      createHash('sha256').update(body.access_token).digest().subarray(0, 16).toString('base64url'),
    )
  })

  it('is told by userinfo as far as the scopes go', async () => {
    const fixture = await startEmulator()
    const userinfo = async (token: string, path = '/v1/userinfo') =>
      await fetch(`${fixture.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    const all = await signIn(fixture)
    const little = await signIn(fixture, { scope: 'openid' })

    const whole = (await (await userinfo(all.access_token)).json()) as Record<string, string>
    expect(whole).toMatchObject({
      email: 'owner@example.com',
      given_name: 'Olivia',
      family_name: 'Owner',
    })
    expect((await fetch(whole['picture'] ?? '')).status).toBe(200)
    expect(await (await userinfo(little.access_token)).json()).toEqual({ sub: whole['sub'] })
    expect((await userinfo(all.access_token, '/oauth2/v3/userinfo')).status).toBe(200)
    expect((await userinfo('nonsense')).status).toBe(401)
  })

  it('and the key stay the same after a restart', async () => {
    const fixture = await startEmulator()
    const { refresh_token = '', access_token } = await signIn(fixture)
    const before = await (await fetch(`${fixture.url}/oauth2/v3/certs`)).json()

    const restarted = await fixture.restart()

    expect(await (await fetch(`${restarted.url}/oauth2/v3/certs`)).json()).toEqual(before)
    expect((await postToken(restarted, refreshForm(refresh_token))).status).toBe(200)
    expect(
      (await driveOf(restarted, access_token).call('GET', '/drive/v3/about?fields=user')).status,
    ).toBe(200)
  })
})
