import { describe, expect, it } from 'vitest'
import { connectNotice } from '../../../web/dashboard/accounts/connect-notice.ts'

const account = {
  storageAccountId: 'acc_0123456789',
  storageStatus: 'ACTIVE' as const,
  storageProvider: 'google_drive' as const,
  email: 'owner@example.com',
}

describe('After connecting', () => {
  it('says nothing when the page was opened without a flow', () => {
    expect(connectNotice(new URLSearchParams(), [account])).toBeUndefined()
  })

  it.each([
    ['google_drive', 'Google Drive is connected'],
    ['dropbox', 'Dropbox is connected'],
  ] as const)('names the account that was connected at %s', (storageProvider, title) => {
    const notice = connectNotice(new URLSearchParams({ connected: account.storageAccountId }), [
      { ...account, storageProvider },
    ])

    expect(notice).toMatchObject({ tone: 'info', title })
    expect(notice?.detail).toContain('owner@example.com')
  })

  it('says that an account which its owner paused is still paused', () => {
    const notice = connectNotice(new URLSearchParams({ connected: account.storageAccountId }), [
      { ...account, storageStatus: 'INACTIVE' },
    ])

    expect(notice?.detail).toContain('Reactivate')
  })

  it.each([
    ['ACCESS_DENIED', 'connect again'],
    ['STORAGE_PERMISSION_MISSING', 'ticked'],
    ['OFFLINE_ACCESS_MISSING', 'from the apps of your account'],
    ['CONNECT_REFUSED', 'connect again'],
    ['SINGLE_EMAIL_PER_PROVIDER', 'one address for each provider'],
    ['PROVIDER_UNAVAILABLE', 'in a minute'],
  ])('%s comes with what to do', (connectError, advice) => {
    expect(connectNotice(new URLSearchParams({ connectError }), [])?.detail).toContain(advice)
  })

  it.each([
    ['ACCESS_DENIED', 'Dropbox was not connected', 'the access at Dropbox.'],
    ['OFFLINE_ACCESS_MISSING', 'Dropbox gave no lasting access', 'your account at Dropbox'],
    ['CONNECT_REFUSED', 'Dropbox did not accept the connection', 'connect again'],
    ['SINGLE_EMAIL_PER_PROVIDER', 'Another address of Dropbox is connected already', 'settings'],
    ['PROVIDER_UNAVAILABLE', 'Dropbox did not answer', 'in a minute'],
  ])('%s names the provider that was asked', (connectError, title, detail) => {
    const notice = connectNotice(new URLSearchParams({ connectError, provider: 'dropbox' }), [])

    expect(notice?.title).toBe(title)
    expect(notice?.detail).toContain(detail)
  })

  it('repeats nothing of an unknown provider', () => {
    const query = new URLSearchParams({ connectError: 'ACCESS_DENIED', provider: '<b>x</b>' })

    expect(JSON.stringify(connectNotice(query, []))).not.toContain('<b>')
  })

  it('repeats nothing of an unknown code', () => {
    const notice = connectNotice(new URLSearchParams({ connectError: '<b>x</b>' }), [])

    expect(notice?.tone).toBe('danger')
    expect(notice?.title).toBe('The storage was not connected')
    expect(JSON.stringify(notice)).not.toContain('<b>')
  })
})
