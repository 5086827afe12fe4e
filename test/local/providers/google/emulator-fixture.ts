import { emulatorFixture, type Fixture, redirectUriOf, type Tokens } from '../emulator-fixture.ts'

export type { Fixture, Tokens } from '../emulator-fixture.ts'

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
export const REDIRECT_URI = redirectUriOf(CLIENT)
export const DRIVE_FILE = 'https://www.googleapis.com/auth/drive.file'
export const DRIVE = 'https://www.googleapis.com/auth/drive'
/** How Google spells `openid email profile` and drive.file when it answers. */
export const GRANTED = `openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile ${DRIVE_FILE}`
export const UNIT = 256 * 1024

export const {
  startEmulator,
  authorizeUrl,
  consent,
  codeFor,
  postToken,
  codeForm,
  refreshForm,
  signIn,
} = emulatorFixture({
  id: 'google',
  client: CLIENT,
  otherClient: OTHER_CLIENT,
  authorizePath: '/o/oauth2/v2/auth',
  tokenPath: '/token',
  scope: `openid email profile ${DRIVE_FILE}`,
  offline: { access_type: 'offline', prompt: 'consent' },
})

export function signInOther(fixture: Fixture, scope: string): Promise<Tokens> {
  return signIn(fixture, {
    client_id: OTHER_CLIENT.clientId,
    redirect_uri: OTHER_CLIENT.redirectUris[0] ?? '',
    scope,
  })
}
