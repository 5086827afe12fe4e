import { emulatorFixture, redirectUriOf, type Tokens } from '../emulator-fixture.ts'

export type { Fixture } from '../emulator-fixture.ts'

export const CLIENT = {
  clientId: 'portage-app-key',
  clientSecret: 'kept:secret',
  redirectUris: ['http://127.0.0.1:4400/api/oauth/dropbox/callback'],
}
export const OTHER_CLIENT = {
  clientId: 'another-app-key',
  clientSecret: 'other-secret',
  redirectUris: ['http://127.0.0.1:4400/other'],
}
export const REDIRECT_URI = redirectUriOf(CLIENT)
/** What a client asks for that delivers, reads back and downloads. */
export const STORAGE_SCOPES =
  'account_info.read files.metadata.read files.content.write files.content.read'
export const MIB = 1024 * 1024
export const BLOCK = 4 * MIB

interface DropboxTokens extends Tokens {
  uid: string
  account_id: string
}

export const {
  startEmulator,
  authorizeUrl,
  consent,
  codeFor,
  postToken,
  codeForm,
  refreshForm,
  signIn,
} = emulatorFixture<DropboxTokens>({
  id: 'dropbox',
  client: CLIENT,
  otherClient: OTHER_CLIENT,
  authorizePath: '/oauth2/authorize',
  tokenPath: '/oauth2/token',
  scope: `openid email profile ${STORAGE_SCOPES}`,
  offline: { token_access_type: 'offline' },
})
