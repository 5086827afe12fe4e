import type { OauthProviderId, StorageProviderId } from '../contract/common.ts'

/** Storage ids name where files lie, OAuth ids who signs people in; they differ for Google alone. */
const OAUTH_ID_OF = {
  google_drive: 'google',
  dropbox: 'dropbox',
} as const satisfies Record<StorageProviderId, OauthProviderId>

const STORAGE_ID_OF = {
  google: 'google_drive',
  dropbox: 'dropbox',
} as const satisfies Record<OauthProviderId, StorageProviderId>

/** The storage id of a provider in either spelling; undefined for anything else, `local` included. */
export function toStorageProviderId(
  provider: StorageProviderId | OauthProviderId,
): StorageProviderId
export function toStorageProviderId(provider: string): StorageProviderId | undefined
export function toStorageProviderId(provider: string): StorageProviderId | undefined {
  if (Object.hasOwn(OAUTH_ID_OF, provider)) return provider as StorageProviderId
  if (Object.hasOwn(STORAGE_ID_OF, provider)) return STORAGE_ID_OF[provider as OauthProviderId]
  return undefined
}

/** The OAuth id of a provider in either spelling; undefined for anything else. */
export function toOauthProviderId(provider: StorageProviderId | OauthProviderId): OauthProviderId
export function toOauthProviderId(provider: string): OauthProviderId | undefined
export function toOauthProviderId(provider: string): OauthProviderId | undefined {
  const storageId = toStorageProviderId(provider)
  return storageId && OAUTH_ID_OF[storageId]
}
