import { describe, expect, it } from 'vitest'
import { profileChanges } from '../../../web/dashboard/settings/profile-changes.ts'

const before = {
  name: 'Olivia',
  email: 'olivia@example.com',
  locale: 'en' as const,
  singleEmailPerProvider: false,
}
const values = { name: 'Olivia', locale: 'en' as const, singleEmailPerProvider: false }

describe('The profile’s form sends', () => {
  it('nothing when nothing was touched', () => {
    expect(profileChanges(before, values)).toEqual({})
    expect(profileChanges({ ...before, name: null }, { ...values, name: ' ' })).toEqual({})
  })

  it.each([
    [{ name: ' Olivia O. ' }, { name: 'Olivia O.' }],
    [{ name: '' }, { name: '' }],
    [{ locale: 'de' as const }, { locale: 'de' }],
    [{ singleEmailPerProvider: true }, { singleEmailPerProvider: true }],
  ])('%j as %j and nothing else', (typed, sent) => {
    expect(profileChanges(before, { ...values, ...typed })).toEqual(sent)
  })
})
