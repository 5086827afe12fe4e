import { describe, expect, it } from 'vitest'
import {
  accountActions,
  getStorageStatusIndicator,
} from '../../../web/dashboard/accounts/storage-status.ts'

describe('The indicator of a storage account', () => {
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
    expect(failing.advice).toContain('try again')
  })

  it('says when the provider withdrew the access', () => {
    const revoked = getStorageStatusIndicator({
      status: 'DISCONNECTED',
      lastError: 'GRANT_REFUSED',
    })

    expect(revoked.advice).toContain('no longer lets Portage in')
  })
})

describe('The buttons of an account', () => {
  it.each([
    ['ACTIVE', ['pause']],
    ['INACTIVE', ['reactivate']],
    ['ERROR', ['retry', 'reconnect']],
    ['DISCONNECTED', ['reconnect']],
    [null, ['connect']],
  ] as const)('for %s are %j', (status, actions) => {
    expect(accountActions(status)).toEqual(actions)
  })
})
