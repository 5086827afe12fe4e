import type { StorageProviderId } from '../../shared/contract/common.ts'

/** Storage providers as they call themselves. */
export const PROVIDER_NAMES: Record<StorageProviderId, string> = {
  google_drive: 'Google Drive',
  dropbox: 'Dropbox',
}
