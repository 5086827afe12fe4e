import { describe, expect, it } from 'vitest'
import { uploadsQuery } from '../../../shared/contract/uploads.ts'
import {
  changeFilter,
  countFilters,
  type FileFilters,
  filterQuery,
  isSearch,
  readFilters,
} from '../../../web/dashboard/files/file-filters.ts'

const none = readFilters(new URLSearchParams())
const PORTAL = 'prt_0123456789'

function change(address: string, name: keyof FileFilters, value: string): string {
  return changeFilter(new URLSearchParams(address), name, value).toString()
}

describe('The filters of the list of files (A18)', () => {
  it('are read from the address, and are empty without any', () => {
    expect(readFilters(new URLSearchParams('portalId=p&q=inv&other=x'))).toEqual({
      ...none,
      portalId: 'p',
      q: 'inv',
    })
    expect(Object.values(none).every((value) => value === '')).toBe(true)
  })

  it.each([
    ['portalId=p&q=inv', 'storageAccountId', 'a', 'q=inv&storageAccountId=a'],
    ['storageAccountId=a', 'clientEmail', 'c@example.com', 'clientEmail=c%40example.com'],
    ['portalId=p', 'status', 'held', 'portalId=p&status=held'],
    ['portalId=p&status=held', 'status', '', 'portalId=p'],
    ['connected=acc', 'q', 'x', 'connected=acc&q=x'],
  ] as const)('%s with %s=%s becomes %s', (before, name, value, after) => {
    expect(change(before, name, value)).toBe(after)
  })

  it('leave out of the request what is empty', () => {
    expect(filterQuery({ ...none, q: '  ' })).toEqual({})
    expect(filterQuery({ ...none, portalId: PORTAL, q: ' inv ' })).toEqual({
      portalId: PORTAL,
      q: 'inv',
    })
  })

  it('take days as the reader has them, both of them whole', () => {
    const { from, to } = filterQuery({ ...none, from: '2026-03-01', to: '2026-03-01' })

    expect(from).toBe(new Date(2026, 2, 1).toISOString())
    expect(to).toBe(new Date(2026, 2, 1, 23, 59, 59, 999).toISOString())
  })

  it('leave a day that is none to the API', () => {
    expect(filterQuery({ ...none, from: 'yesterday' })).toEqual({ from: 'yesterday' })
  })

  it('make queries that keep to the contract', () => {
    const filters = { ...none, clientEmail: 'ada@example.com', status: 'held', from: '2026-03-01' }

    expect(uploadsQuery.safeParse(filterQuery(filters)).error).toBeUndefined()
  })

  it('are counted, and are a search when a page may be short', () => {
    expect(countFilters({ ...none, q: 'x', portalId: PORTAL })).toBe(2)
    expect(isSearch({ ...none, portalId: PORTAL, from: '2026-03-01' })).toBe(false)
    expect(isSearch({ ...none, q: 'x' })).toBe(true)
    expect(isSearch({ ...none, status: 'held' })).toBe(true)
  })
})
