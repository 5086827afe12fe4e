import { describe, expect, it } from 'vitest'
import { OAUTH_PROVIDER_IDS } from '../../../shared/providers/providers.ts'
import { connectPath } from '../../../web/dashboard/api/client.ts'
import {
  anyOf,
  offeredProviders,
  providerNamed,
} from '../../../web/dashboard/providers/offered-providers.ts'

describe('The pages offer', () => {
  it('every provider as long as nothing is known, in one order', () => {
    const ids = offeredProviders(undefined).map(({ id }) => id)
    expect(ids).toEqual(OAUTH_PROVIDER_IDS)
    expect(offeredProviders([...OAUTH_PROVIDER_IDS].reverse()).map(({ id }) => id)).toEqual(ids)
  })

  it('no provider of which the deployment has no client', () => {
    expect(offeredProviders(['dropbox'])).toEqual([
      { id: 'dropbox', storageProvider: 'dropbox', name: 'Dropbox', signInName: 'Dropbox' },
    ])
    expect(offeredProviders([])).toEqual([])
  })

  it('what they say of them in one sentence', () => {
    expect(anyOf(offeredProviders(['google', 'dropbox']))).toBe('Google Drive or Dropbox')
    expect(anyOf(offeredProviders(['google']))).toBe('Google Drive')
  })
})

describe('A connect flow', () => {
  it.each([
    ['/accounts', '/accounts?provider=dropbox'],
    ['/portals?create', '/portals?create&provider=dropbox'],
  ])('from %s comes back with the provider that was asked', (page, back) => {
    const url = new URL(connectPath(page, 'dropbox'), 'https://example.com')
    expect(url.pathname).toBe('/api/oauth/dropbox/start')
    expect(url.searchParams.get('returnTo')).toBe(back)
  })

  it('knows a provider by nothing but its id', () => {
    expect(providerNamed('google')?.name).toBe('Google Drive')
    expect(providerNamed('constructor')).toBeUndefined()
    expect(providerNamed(null)).toBeUndefined()
  })
})
