import type { StorageProviderId } from '../contract/common.ts'
import { createDriveAccess } from './drive/access.ts'
import { createDriveProvider } from './drive/driver.ts'
import type { StorageAccess, StorageProvider } from './provider.ts'

interface ProviderAddresses {
  /** Origin of the Google API, `https://www.googleapis.com`. */
  googleApiUrl: string
}

/** Finds the driver of a storage provider. */
export type ProviderRegistry = (id: StorageProviderId) => StorageProvider
/** The same for those who deliver nothing; it leaves the SDKs of the providers out of their bundles. */
export type AccessRegistry = (id: StorageProviderId) => StorageAccess

export function createProviderRegistry({ googleApiUrl }: ProviderAddresses): ProviderRegistry {
  return byId([createDriveProvider({ apiUrl: googleApiUrl })])
}

export function createAccessRegistry({ googleApiUrl }: ProviderAddresses): AccessRegistry {
  return byId([createDriveAccess({ apiUrl: googleApiUrl })])
}

function byId<Driver extends StorageAccess>(drivers: Driver[]): (id: StorageProviderId) => Driver {
  return (id) => {
    const driver = drivers.find((candidate) => candidate.id === id)
    if (!driver) throw new Error(`There is no driver for ${id}`)
    return driver
  }
}
