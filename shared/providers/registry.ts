import type { StorageProviderId } from '../contract/common.ts'
import { createDriveProvider } from './drive/driver.ts'
import type { StorageProvider } from './provider.ts'

interface ProviderAddresses {
  /** Origin of the Google API, `https://www.googleapis.com`. */
  googleApiUrl: string
}

/** Finds the driver of a storage provider. */
export type ProviderRegistry = (id: StorageProviderId) => StorageProvider

export function createProviderRegistry({ googleApiUrl }: ProviderAddresses): ProviderRegistry {
  const drivers = [createDriveProvider({ apiUrl: googleApiUrl })]
  return (id) => {
    const driver = drivers.find((candidate) => candidate.id === id)
    if (!driver) throw new Error(`There is no driver for ${id}`)
    return driver
  }
}
