/** Storage ids name where files lie, OAuth ids who signs people in; they differ where storage is a product among others. */
import {
  type OauthProviderId,
  PROVIDERS,
  STORAGE_PROVIDER_IDS,
  type StorageProviderId,
} from './providers.ts'

const STORAGE_IDS = new Map<string, StorageProviderId>(
  STORAGE_PROVIDER_IDS.flatMap((id) => [
    [id, id],
    [PROVIDERS[id].oauthId, id],
  ]),
)

/** The storage id of a provider in either spelling; undefined for anything else, `local` included. */
export function toStorageProviderId(
  provider: StorageProviderId | OauthProviderId,
): StorageProviderId
export function toStorageProviderId(provider: string): StorageProviderId | undefined
export function toStorageProviderId(provider: string): StorageProviderId | undefined {
  return STORAGE_IDS.get(provider)
}

/** The OAuth id of a provider in either spelling; undefined for anything else. */
export function toOauthProviderId(provider: StorageProviderId | OauthProviderId): OauthProviderId
export function toOauthProviderId(provider: string): OauthProviderId | undefined
export function toOauthProviderId(provider: string): OauthProviderId | undefined {
  const storageId = toStorageProviderId(provider)
  return storageId && PROVIDERS[storageId].oauthId
}
