import { describe, expect, test } from 'vitest'
import { accountChoice } from '../../../shared/contract/accounts.ts'
import { createPortalRequest, slug } from '../../../shared/contract/portals.ts'
import { PROBLEMS } from '../../../shared/contract/problems.ts'
import { fileIntent, intentRequest } from '../../../shared/contract/uploads.ts'

describe('a slug', () => {
  test.each(['abc', 'a1b', 'tax-2026', 'a-b-c', 'x'.repeat(63)])('%s is fine', (value) => {
    expect(slug.safeParse(value).success).toBe(true)
  })

  test.each([
    '',
    'ab',
    'x'.repeat(64),
    'Tax',
    'a_b',
    'a--b',
    '-ab',
    'ab-',
    'ä-b',
    'a b',
    'a/b',
    'api',
    'portals',
  ])('%j is not', (value) => {
    expect(slug.safeParse(value).success).toBe(false)
  })
})

describe('a file name', () => {
  test.each(['a.txt', 'Résumé – "ünïcode" (1).pdf', '.bashrc', ' x', '😀.png', 'a'.repeat(255)])(
    '%j is fine',
    (fileName) => {
      expect(fileIntent.safeParse({ fileName, fileSize: 1 }).success).toBe(true)
    },
  )

  test.each(['', ' ', '.', '..', 'a/b', 'a\\b', '../x', '/x', 'a'.repeat(256)])(
    '%j is not',
    (fileName) => {
      expect(fileIntent.safeParse({ fileName, fileSize: 1 }).success).toBe(false)
    },
  )
})

describe('the name of a client', () => {
  const clientName = intentRequest.shape.clientName
  test.each(['Ada', 'محمد', '안', '🙂', 'a\u200Db'])('%j is fine', (value) => {
    expect(clientName.safeParse(value).success).toBe(true)
  })

  test.each(['', '  ', '\u200B', '\u2060\u200D', '\u3164', '\u202EadA', 'A\u0007'])(
    '%j is not, because nobody could read it',
    (value) => {
      expect(clientName.safeParse(value).success).toBe(false)
    },
  )
})

describe('an intent', () => {
  const portalId = 'prt_0123456789abc'
  const file = { fileName: 'a.txt', fileSize: 1 }
  const fieldsRefused = (body: unknown) =>
    intentRequest.safeParse(body).error?.issues.map((issue) => issue.path.join('.') || issue.code)

  test('names several files, or one flat', () => {
    expect(intentRequest.safeParse({ portalId, files: [file, file] }).success).toBe(true)
    expect(intentRequest.safeParse({ portalId, ...file }).success).toBe(true)
  })

  test('is refused with the field named', () => {
    expect(fieldsRefused({ portalId })).toEqual(['files'])
    expect(fieldsRefused({ portalId, files: [] })).toEqual(['files'])
    expect(fieldsRefused({ portalId, files: [file], fileName: 'b' })).toEqual(['fileName'])
    expect(fieldsRefused({ portalId, fileName: 'b' })).toEqual(['fileSize'])
    expect(fieldsRefused({ portalId, files: [{ ...file, fileSize: -1 }] })).toEqual([
      'files.0.fileSize',
    ])
    expect(fieldsRefused({ portalId, files: [{ ...file, fileSize: 1.5 }] })).toEqual([
      'files.0.fileSize',
    ])
    expect(fieldsRefused({ portalId: 'x', files: [file] })).toEqual(['portalId'])
    expect(fieldsRefused({ portalId, files: [file], owner: 'me' })).toEqual(['unrecognized_keys'])
    expect(fieldsRefused({ portalId, files: [file], clientEmail: 'nobody' })).toEqual([
      'clientEmail',
    ])
  })
})

test('an account is chosen by id or by provider in either spelling, never by both', () => {
  expect(accountChoice.parse({ provider: 'google' })).toEqual({ provider: 'google_drive' })
  expect(accountChoice.parse({ provider: 'google_drive' })).toEqual({ provider: 'google_drive' })
  expect(accountChoice.safeParse({}).success).toBe(false)
  expect(
    accountChoice.safeParse({ provider: 'google', storageAccountId: 'acc_0123456789' }).success,
  ).toBe(false)
  expect(accountChoice.safeParse({ provider: 'local' }).success).toBe(false)
})

test('a portal takes the printed request', () => {
  const printed = {
    name: 'New Portal',
    slug: 'new-portal',
    storageProvider: 'google_drive',
    storageAccountId: 'acc_0123456789',
    requireClientName: true,
    requireClientEmail: false,
  }
  expect(createPortalRequest.parse(printed)).toEqual(printed)
})

test('every problem has a status of its class and a title of its own', () => {
  const rows = Object.values(PROBLEMS)
  expect(rows.every(({ status }) => status >= 400 && status < 600)).toBe(true)
  expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length)
})
