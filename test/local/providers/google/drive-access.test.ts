import { describe, expect, it } from 'vitest'
import { control, driveOf, signedIn } from './drive-client.ts'
import { DRIVE, DRIVE_FILE, signIn, signInOther, startEmulator } from './emulator-fixture.ts'

describe('authorisation', () => {
  it.each(['missing', 'made up', 'expired', 'revoked'])(
    'a token that is %s is 401 authError',
    async (kind) => {
      const fixture = await startEmulator()
      const { access_token } = await signIn(fixture)
      if (kind === 'expired') fixture.clock.advance(3600)
      if (kind === 'revoked') await control(fixture, 'POST', 'accounts/owner@example.com/revoke')
      const headers: Record<string, string> =
        kind === 'missing'
          ? {}
          : { authorization: `Bearer ${kind === 'made up' ? 'ya29.x' : access_token}` }

      const reply = await fetch(`${fixture.url}/drive/v3/files`, { headers })

      expect(reply.status).toBe(401)
      expect(reply.headers.get('www-authenticate')).toContain('invalid_token')
      expect(await reply.json()).toEqual({
        error: {
          code: 401,
          message: 'Invalid Credentials',
          errors: [
            {
              message: 'Invalid Credentials',
              domain: 'global',
              reason: 'authError',
              location: 'Authorization',
              locationType: 'header',
            },
          ],
          status: 'UNAUTHENTICATED',
        },
      })
    },
  )

  it.each([
    ['openid email', 'GET', '/drive/v3/files', 403],
    ['openid email', 'POST', '/upload/drive/v3/files?uploadType=resumable', 403],
    [`${DRIVE}.readonly`, 'GET', '/drive/v3/files', 200],
    [`${DRIVE}.readonly`, 'POST', '/drive/v3/files', 403],
    [`${DRIVE}.metadata.readonly`, 'GET', '/drive/v3/files', 200],
  ])('the scope %s on %s %s answers %i', async (scope, method, path, status) => {
    const fixture = await startEmulator()
    const drive = driveOf(fixture, (await signIn(fixture, { scope })).access_token)

    const reply = await drive.call(method, path, method === 'POST' ? { body: {} } : {})

    expect(reply.status).toBe(status)
    if (status === 403) {
      expect(reply.json.error).toMatchObject({
        errors: [{ reason: 'insufficientPermissions' }],
        details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }],
      })
    }
  })

  it('drive.file shows a client only what it created; other files and accounts are not found', async () => {
    const { fixture, drive } = await signedIn()
    const other = driveOf(fixture, (await signInOther(fixture, DRIVE_FILE)).access_token)
    const everything = driveOf(fixture, (await signInOther(fixture, DRIVE)).access_token)
    const second = driveOf(fixture, (await signIn(fixture, {}, 'second@example.com')).access_token)
    const { id } = (await drive.create({ name: 'mine' })).json
    const folder = await drive.folder('mine too')
    const path = `/drive/v3/files/${id}`

    for (const stranger of [other, second]) {
      expect((await stranger.call('GET', path)).json.error).toMatchObject({
        message: `File not found: ${id}.`,
        errors: [{ reason: 'notFound' }],
      })
      expect((await stranger.call('GET', `${path}?alt=media`)).status).toBe(404)
      expect((await stranger.call('PATCH', path, { body: { name: 'x' } })).status).toBe(404)
      expect((await stranger.call('DELETE', path)).status).toBe(404)
      expect((await stranger.create({ name: 'x', parents: [folder] })).status).toBe(404)
      expect(await stranger.list('trashed = false')).toEqual([])
    }
    expect((await everything.call('GET', path)).status).toBe(200)
    expect((await everything.call('GET', '/drive/v3/files/root')).json.name).toBe('My Drive')
    expect((await drive.call('GET', '/drive/v3/files/root?fields=id')).status).toBe(404)
  })
})
