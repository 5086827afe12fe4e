import { expect, it } from 'vitest'
import { toOauthProviderId, toStorageProviderId } from '../../../shared/providers/provider-id.ts'

it.each([
  ['google', 'google_drive', 'google'],
  ['google_drive', 'google_drive', 'google'],
  ['dropbox', 'dropbox', 'dropbox'],
  ['local', undefined, undefined],
  ['Google', undefined, undefined],
  ['constructor', undefined, undefined],
  ['', undefined, undefined],
])('%j is %s for storage and %s for OAuth', (spelling, storageId, oauthId) => {
  expect(toStorageProviderId(spelling)).toBe(storageId)
  expect(toOauthProviderId(spelling)).toBe(oauthId)
})
