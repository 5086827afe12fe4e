import { describe, expect, it } from 'vitest'
import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import {
  type AccountState,
  getDownloadRules,
  getUploadRules,
} from '../../../shared/uploads/file-binding.ts'

const NOT_ACTIVE = ['INACTIVE', 'DISCONNECTED', 'ERROR'] as const satisfies StorageAccountStatus[]

function drive(id: string, status: StorageAccountStatus = 'ACTIVE'): AccountState {
  return { id, provider: 'google_drive', status }
}

function dropbox(id: string, status: StorageAccountStatus = 'ACTIVE'): AccountState {
  return { id, provider: 'dropbox', status }
}

const goesTo = (storageAccountId: string) => ({ canUpload: true, storageAccountId })
const refused = (error: string) => ({ canUpload: false, error })

describe('upload rule 1: a portal with an account (A8, C7)', () => {
  it('uses it, whatever else is active', () => {
    const accounts = [drive('other'), dropbox('mine'), drive('third')]

    expect(getUploadRules('mine', 'dropbox', accounts)).toEqual(goesTo('mine'))
  })

  it.each(NOT_ACTIVE)('takes nothing while it is %s, although others are active', (status) => {
    const accounts = [drive('mine', status), drive('other'), dropbox('third')]

    expect(getUploadRules('mine', 'google_drive', accounts)).toEqual(
      refused('PORTAL_STORAGE_UNAVAILABLE'),
    )
  })

  it('takes nothing when the owner has no such account', () => {
    expect(getUploadRules('gone', 'google_drive', [drive('other')])).toEqual(
      refused('PORTAL_STORAGE_UNAVAILABLE'),
    )
  })

  it.each(NOT_ACTIVE)('uses the first backup that is active while it is %s', (status) => {
    const accounts = [
      drive('mine', status),
      drive('second', 'ERROR'),
      drive('last'),
      dropbox('third'),
    ]

    const rules = getUploadRules('mine', 'google_drive', accounts, ['second', 'third', 'last'])

    expect(rules).toEqual(goesTo('third'))
  })

  it('uses no backup while it is active itself', () => {
    const accounts = [drive('backup'), drive('mine')]

    expect(getUploadRules('mine', 'google_drive', accounts, ['backup'])).toEqual(goesTo('mine'))
  })
})

describe('upload rules 2 to 4: a portal without an account (A8)', () => {
  it.each([
    ['2: the active one of its provider', [dropbox('b'), drive('a')], goesTo('a')],
    ['2: past one that is not active', [drive('a', 'INACTIVE'), drive('b')], goesTo('b')],
    ['3: any active one', [drive('a', 'DISCONNECTED'), dropbox('b')], goesTo('b')],
    ['4: none is active', [drive('a', 'ERROR')], refused('NO_ACTIVE_STORAGE_ACCOUNT')],
    ['4: there is none', [], refused('NO_ACTIVE_STORAGE_ACCOUNT')],
  ])('%s', (_rule, accounts, rules) => {
    expect(getUploadRules(null, 'google_drive', accounts)).toEqual(rules)
  })
})

describe('what may be downloaded (A8, C26)', () => {
  it.each([
    ['acc', 'ACTIVE', { canDownload: true }],
    ['acc', 'INACTIVE', { canDownload: true }],
    ['acc', 'ERROR', { canDownload: false, error: 'STORAGE_ERROR' }],
    ['acc', 'DISCONNECTED', { canDownload: false, error: 'STORAGE_DISCONNECTED' }],
    ['acc', null, { canDownload: false, error: 'STORAGE_DISCONNECTED' }],
    [null, 'ACTIVE', { canDownload: false, error: 'NOT_DELIVERED' }],
    [null, null, { canDownload: false, error: 'NOT_DELIVERED' }],
  ] as const)('a file of account %s, which is %s', (account, status, rules) => {
    expect(getDownloadRules(account, status)).toEqual(rules)
  })
})
