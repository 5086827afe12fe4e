import { describe, expect, it } from 'vitest'
import type { StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import { uploadStatus } from '../../../shared/contract/uploads.ts'
import { deleteConsequence } from '../../../web/dashboard/files/delete-consequence.ts'

function uploaded(storageStatus: StorageAccountStatus | null) {
  return deleteConsequence({ status: 'uploaded', storageStatus, storageProvider: 'google_drive' })
}

describe('Before a delivered file is deleted (C25)', () => {
  it.each(['ACTIVE', 'INACTIVE'] as const)('with its account %s it goes for good', (status) => {
    expect(uploaded(status)).toMatchObject({ confirm: 'Delete', recordOnly: false })
    expect(uploaded(status).text).toContain('from your Google Drive for good')
  })

  it('Dropbox keeps it for a while, and the owner is told so', () => {
    const { confirm, text } = deleteConsequence({
      status: 'uploaded',
      storageStatus: 'ACTIVE',
      storageProvider: 'dropbox',
    })

    expect(confirm).toBe('Delete')
    expect(text).toContain('from your Dropbox, which keeps it among your deleted files')
    expect(text).not.toContain('for good')
  })

  it('with its account DISCONNECTED only the record can be removed', () => {
    expect(uploaded('DISCONNECTED')).toMatchObject({
      confirm: 'Remove the record only',
      recordOnly: true,
    })
  })

  it('with its account in ERROR it may have to be tried again', () => {
    expect(uploaded('ERROR')).toMatchObject({ confirm: 'Delete', recordOnly: false })
    expect(uploaded('ERROR').text).toContain('try again later')
  })
})

describe('Before a file is deleted that was not delivered', () => {
  const statuses = uploadStatus.options.filter((status) => status !== 'uploaded')

  it.each(statuses)('as %s it is deleted here, however its account is', (status) => {
    const { recordOnly, text } = deleteConsequence({
      status,
      storageStatus: 'DISCONNECTED',
      storageProvider: 'google_drive',
    })

    expect(recordOnly).toBe(false)
    expect(text).not.toContain('for good')
  })
})
