import type { ProviderFacts } from '../facts.ts'

export const drive = {
  oauthId: 'google',
  name: 'Google Drive',
  signInName: 'Google',
  hosts: {
    // https://accounts.google.com/.well-known/openid-configuration
    accountsUrl: { variable: 'GOOGLE_ACCOUNTS_URL', origin: 'https://accounts.google.com' },
    oauthUrl: { variable: 'GOOGLE_OAUTH_URL', origin: 'https://oauth2.googleapis.com' },
    apiUrl: { variable: 'GOOGLE_API_URL', origin: 'https://www.googleapis.com' },
  },
  pictures: 'https://*.googleusercontent.com',
  // "Maximum file size: 5,120GB" (https://developers.google.com/workspace/drive/api/reference/rest/v3/files/create)
  maxFileBytes: 5_120_000_000_000,
  provesBy: 'sha256',
  client: "the OAuth client in Google's console",
  afterDeletion:
    'It is deleted from your Google Drive for good, without passing through the trash.',
} as const satisfies ProviderFacts
