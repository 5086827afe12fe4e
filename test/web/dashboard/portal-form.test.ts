import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createPortalRequest,
  type PortalReply,
  updatePortalRequest,
} from '../../../shared/contract/portals.ts'
import { newPortalValues } from '../../../web/dashboard/portals/new-portal-values.ts'
import {
  changesOf,
  formProblems,
  formValuesOf,
  NEW_PORTAL,
  type PortalFormValues,
  parseTypes,
  requestOf,
} from '../../../web/dashboard/portals/portal-form.ts'
import { portalFormErrors } from '../../../web/dashboard/portals/portal-form-errors.ts'

const ACCOUNT = 'acc_0123456789'
const BACKUP = 'acc_9876543210'

function portal(settings: Partial<PortalReply> = {}): PortalReply {
  return {
    id: 'prt_0123456789',
    name: 'Tax papers',
    slug: 'tax-papers',
    storageProvider: 'google_drive',
    storageAccountId: ACCOUNT,
    isActive: true,
    _count: { uploads: 3 },
    requireClientName: false,
    requireClientEmail: false,
    fields: { clientName: 'optional', clientEmail: 'optional', clientMessage: 'hidden' },
    instructions: null,
    allowedTypes: [],
    maxFileBytes: null,
    maxFiles: null,
    maxTotalBytes: null,
    deadline: null,
    graceMinutes: 0,
    clientFolders: false,
    storageFolderPath: null,
    storageFolderId: null,
    backupStorageAccountIds: [],
    passwordRequired: false,
    deactivatedBy: null,
    deactivatedAt: null,
    deactivationReason: null,
    acceptsUploads: true,
    requiresUserAction: false,
    version: 7,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...settings,
  }
}

function typed(before: PortalReply, values: Partial<PortalFormValues>) {
  return changesOf(before, { ...formValuesOf(before), ...values }, 'google_drive')
}

describe('The form of a portal (A3, A17)', () => {
  it('sends nothing when nothing was touched', () => {
    const settings = fc.record({
      instructions: fc.constantFrom(null, 'Please sign them.'),
      allowedTypes: fc.uniqueArray(fc.constantFrom('.pdf', 'image/*', 'text/plain')),
      maxFileBytes: fc.option(fc.integer({ min: 1, max: 5_120_000_000_000 })),
      maxTotalBytes: fc.option(fc.integer({ min: 1, max: 5_120_000_000_000_000 })),
      maxFiles: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
      graceMinutes: fc.integer({ min: 0, max: 43_200 }),
      clientFolders: fc.boolean(),
      passwordRequired: fc.boolean(),
      deadline: fc.constantFrom(null, '2026-12-31T17:00:00.000Z', '2026-12-31T17:00:30.000Z'),
    })
    fc.assert(
      fc.property(settings, (given) => {
        expect(typed(portal(given), {})).toEqual({})
      }),
    )
  })

  it('names every size exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_120_000_000_000 }), (maxFileBytes) => {
        const values = formValuesOf(portal({ maxFileBytes }))

        expect(requestOf(values, undefined).maxFileBytes).toBe(maxFileBytes)
      }),
    )
  })

  it.each([
    [500_000_000, '500', 'MB'],
    [1_500_000_000, '1.5', 'GB'],
    [1_048_576, '1048576', 'bytes'],
    [null, '', 'MB'],
  ])('shows %s bytes as “%s” %s', (maxFileBytes, amount, unit) => {
    expect(formValuesOf(portal({ maxFileBytes }))).toMatchObject({
      maxFileBytes: amount,
      maxFileBytesUnit: unit,
    })
  })

  it.each<[string, Partial<PortalFormValues>, object]>([
    ['a name', { name: ' Letters ' }, { name: 'Letters' }],
    ['instructions that were emptied', { instructions: ' ' }, { instructions: null }],
    ['a size', { maxFileBytes: '2,5', maxFileBytesUnit: 'GB' }, { maxFileBytes: 2_500_000_000 }],
    ['no limit any more', { maxFiles: '' }, { maxFiles: null }],
    ['kinds', { allowedTypes: 'PDF; image/*\n.pdf' }, { allowedTypes: ['.pdf', 'image/*'] }],
    ['an account', { storageAccountId: BACKUP }, { storageAccountId: BACKUP }],
    [
      'a new password',
      { passwordChoice: 'set', password: 'secret words' },
      { password: 'secret words' },
    ],
    ['no password any more', { passwordChoice: 'none' }, { password: null }],
  ])('sends %s and nothing else', (_, values, changes) => {
    const before = portal({ instructions: 'Sign.', maxFiles: 5, passwordRequired: true })

    expect(typed(before, values)).toEqual(changes)
  })

  it('sends a deadline as the moment that it is where the owner is', () => {
    const { deadline } = typed(portal(), { deadline: '2026-12-31T17:00' })

    expect(deadline).toBe(new Date(2026, 11, 31, 17).toISOString())
  })

  it('makes requests that keep to the contract', () => {
    const values = {
      ...NEW_PORTAL,
      name: 'Letters',
      slug: 'letters',
      storageAccountId: ACCOUNT,
      allowedTypes: 'pdf',
      maxFileBytes: '1',
      deadline: '2026-12-31T17:00',
      passwordChoice: 'set' as const,
      password: 'secret words',
    }
    const request = requestOf(values, 'google_drive')

    expect(updatePortalRequest.safeParse(request).error).toBeUndefined()
    expect(createPortalRequest.safeParse(request).error).toBeUndefined()
  })

  it('tells by itself what is missing or no number', () => {
    const problems = formProblems({
      ...NEW_PORTAL,
      maxFiles: 'many',
      maxFileBytes: '-1',
      maxTotalBytes: '1e3',
      passwordChoice: 'set',
    })

    expect(Object.keys(problems).sort()).toEqual([
      'maxFileBytes',
      'maxFiles',
      'maxTotalBytes',
      'name',
      'password',
      'storageAccountId',
    ])
  })

  it.each([
    ['pdf docx', ['.pdf', '.docx']],
    [' .PDF,image/*;text/plain ', ['.pdf', 'image/*', 'text/plain']],
    ['', []],
  ])('reads the kinds in “%s”', (text, types) => {
    expect(parseTypes(text)).toEqual(types)
  })
})

describe('What the API says about a portal', () => {
  const said = (field: string, message = 'is wrong') =>
    portalFormErrors({ code: 'INVALID_REQUEST', fields: [{ field, message }] }, 'pdf, ex!e')

  it.each([
    ['fields.clientName', 'clientName', 'Is wrong.'],
    ['requireClientEmail', 'clientEmail', 'Is wrong.'],
    ['storageProvider', 'storageAccountId', 'Is wrong.'],
    ['backupStorageAccountIds.2', 'backupStorageAccountIds', 'Is wrong.'],
    ['allowedTypes.1', 'allowedTypes', '“ex!e” is wrong.'],
    ['password', 'password', 'Is wrong.'],
  ])('about %s stands at %s', (field, shownAt, sentence) => {
    expect(said(field)).toEqual({ byField: { [shownAt]: sentence }, complete: true })
  })

  it('about what the form does not show is not lost', () => {
    expect(said('cloneOf').complete).toBe(false)
  })
})

describe('The form of a copy', () => {
  const active = [{ storageAccountId: ACCOUNT }, { storageAccountId: BACKUP }]
  const NOW = Date.parse('2026-06-01T00:00:00.000Z')

  it('has the settings, but a name and a link of its own', () => {
    const values = newPortalValues(active, portal({ maxFiles: 9, passwordRequired: true }), NOW)

    expect(values).toMatchObject({
      name: 'Copy of Tax papers',
      slug: 'copy-of-tax-papers',
      maxFiles: '9',
      passwordChoice: 'keep',
    })
  })

  it('goes to an account that takes files', () => {
    const [, backup] = active
    const original = portal({ backupStorageAccountIds: [BACKUP] })
    const values = newPortalValues(backup ? [backup] : [], original, NOW)

    expect(values).toMatchObject({ storageAccountId: BACKUP, backupStorageAccountIds: [] })
  })

  it.each([
    ['2026-05-31T23:59:00.000Z', true],
    ['2026-06-01T00:01:00.000Z', false],
  ])('has no deadline that is over (%s)', (deadline, isOver) => {
    expect(newPortalValues(active, portal({ deadline }), NOW).deadline === '').toBe(isOver)
  })

  it('begins empty when it is no copy', () => {
    expect(newPortalValues(active, undefined)).toEqual({ ...NEW_PORTAL, storageAccountId: ACCOUNT })
  })
})
