import type { StorageProviderId } from '../contract/common.ts'
import { createDriveAccess } from './drive/access.ts'
import { createDriveProvider } from './drive/driver.ts'
import { createDropboxAccess } from './dropbox/access.ts'
import { createDropboxProvider } from './dropbox/driver.ts'
import type { StorageAccess, StorageProvider } from './provider.ts'

interface ProviderAddresses {
  /** Origin of the Google API, `https://www.googleapis.com`. */
  googleApiUrl: string
  /** Origins of the Dropbox API, `https://api.dropboxapi.com` and `https://content.dropboxapi.com`. */
  dropboxApiUrl: string
  dropboxContentUrl: string
}

/** Finds the driver of a storage provider. */
export type ProviderRegistry = (id: StorageProviderId) => StorageProvider
/** The same for those who deliver nothing; it leaves the SDKs of the providers out of their bundles. */
export type AccessRegistry = (id: StorageProviderId) => StorageAccess

export function createProviderRegistry(addresses: ProviderAddresses): ProviderRegistry {
  return byId<StorageProvider>({
    google_drive: createDriveProvider({ apiUrl: addresses.googleApiUrl }),
    dropbox: createDropboxProvider(dropboxOf(addresses)),
  })
}

export function createAccessRegistry(addresses: ProviderAddresses): AccessRegistry {
  return byId({
    google_drive: createDriveAccess({ apiUrl: addresses.googleApiUrl }),
    dropbox: createDropboxAccess(dropboxOf(addresses)),
  })
}

function dropboxOf({ dropboxApiUrl, dropboxContentUrl }: ProviderAddresses) {
  return { apiUrl: dropboxApiUrl, contentUrl: dropboxContentUrl }
}

function byId<Driver>(
  drivers: Record<StorageProviderId, Driver>,
): (id: StorageProviderId) => Driver {
  return (id) => drivers[id]
}
