import { describe, expect, it } from 'vitest'
import {
  accountActions,
  describeAccount,
  describeLastError,
  getStorageStatusIndicator,
} from '../../../web/dashboard/accounts/storage-status.ts'

describe('The indicator of a storage account (A18, C34)', () => {
  it.each([
    ['ACTIVE', 'green', 'Connected'],
    ['INACTIVE', 'yellow', 'Inactive'],
    ['DISCONNECTED', 'red', 'Unavailable'],
    ['ERROR', 'orange', 'Unavailable'],
  ] as const)('shows %s as a %s dot and “%s”', (status, color, label) => {
    expect(getStorageStatusIndicator({ status, lastError: null })).toMatchObject({ color, label })
  })

  it.each([[null], [undefined]])(
    'shows a file or portal without account (%s) as legacy',
    (none) => {
      expect(getStorageStatusIndicator(none)).toMatchObject({ color: 'grey', label: 'Legacy' })
    },
  )

  it('tells the two unavailable states apart by their advice', () => {
    const disconnected = getStorageStatusIndicator({ status: 'DISCONNECTED', lastError: null })
    const failing = getStorageStatusIndicator({ status: 'ERROR', lastError: null })

    expect(disconnected.advice).toContain('Reconnect')
    expect(failing.advice).toContain('retry now')
  })

  it.each(['GRANT_REFUSED', 'TOKEN_REFUSED'])(
    'says after %s that the provider withdrew the access',
    (lastError) => {
      const revoked = getStorageStatusIndicator({ status: 'DISCONNECTED', lastError })

      expect(revoked.advice).toContain('no longer lets Portage in')
    },
  )
})

describe('The card of an account', () => {
  const signIn = {
    storageAccountId: null,
    storageStatus: null,
    storageProvider: 'dropbox',
    isAuthAccount: true,
    hasValidOAuth: false,
    lastError: null,
  } as const

  it('with storage says how that is', () => {
    const connected = { ...signIn, storageAccountId: 'acc_0', storageStatus: 'ACTIVE' as const }

    expect(describeAccount(connected)).toMatchObject({ color: 'green', label: 'Connected' })
  })

  it.each([
    ['google_drive', 'Connect its Google Drive'],
    ['dropbox', 'Connect its Dropbox'],
  ] as const)('without storage, of somebody who signs in at %s, says that', (provider, advice) => {
    const card = describeAccount({ ...signIn, storageProvider: provider })

    expect(card.label).toBe('Sign-in only')
    expect(card.advice).toContain(advice)
  })

  it.each([true, false])('whose record was lost leads to the repair (signs in: %s)', (signsIn) => {
    const card = describeAccount({ ...signIn, isAuthAccount: signsIn, hasValidOAuth: true })

    expect(card.label).toBe('Legacy')
    expect(card.advice).toContain('Fix Storage')
  })
})

describe('The last error of an account', () => {
  it.each([
    ['GRANT_REFUSED', 'refused our access'],
    ['TOKEN_REFUSED', 'refused our access'],
    ['PROVIDER_UNAVAILABLE', 'did not answer'],
    ['CONNECTION_REFUSED', 'is set up'],
  ])('%s is a sentence', (code, words) => {
    expect(describeLastError(code)).toContain(words)
    expect(describeLastError(code)).not.toContain(code)
  })

  it('that has no words yet is named by its code', () => {
    expect(describeLastError('SOMETHING_NEW')).toBe('It failed with SOMETHING_NEW.')
  })
})

describe('The buttons of an account (A18, C2, C9)', () => {
  it.each([
    ['ACTIVE', ['pause', 'disconnect']],
    ['INACTIVE', ['reactivate', 'disconnect']],
    ['ERROR', ['retry', 'reconnect', 'pause', 'disconnect']],
    ['DISCONNECTED', ['reconnect']],
    [null, ['connect']],
  ] as const)('for %s are %j', (status, actions) => {
    expect(accountActions(status)).toEqual(actions)
  })
})
