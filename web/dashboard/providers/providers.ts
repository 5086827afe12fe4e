import type { OauthProviderId, StorageProviderId } from '../../../shared/contract/common.ts'

interface Provider {
  id: OauthProviderId
  storageProvider: StorageProviderId
  /** Who knows an owner, as far as that has a name of its own. */
  signInName: string
}

/** In the order in which they are offered. */
export const PROVIDERS: readonly Provider[] = [
  { id: 'google', storageProvider: 'google_drive', signInName: 'Google' },
  { id: 'dropbox', storageProvider: 'dropbox', signInName: 'Dropbox' },
]
