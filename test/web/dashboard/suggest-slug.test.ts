import { describe, expect, it } from 'vitest'
import { slug as contractSlug, RESERVED_SLUGS } from '../../../shared/contract/portals.ts'
import { slugProblem, suggestSlug } from '../../../web/dashboard/portals/suggest-slug.ts'

const NAMES = [
  'Wedding photos',
  'Fotos für Straße & Café',
  'Łódź – Æther, Œuvre, Ørsted',
  '  many   spaces -- and --- hyphens  ',
  'x',
  '2026',
  'A name that is far longer than any link may be, because somebody wrote a whole sentence here',
  `${'a'.repeat(62)} b`,
  "Ana's day",
]

describe('The link suggested for a name', () => {
  it.each(NAMES)('is one that the API takes: %s', (name) => {
    expect(contractSlug.safeParse(suggestSlug(name)).success).toBe(true)
  })

  it.each([
    ['Wedding photos', 'wedding-photos'],
    ['Fotos für Straße & Café', 'fotos-fur-strasse-cafe'],
    ["Ana's day", 'anas-day'],
    ['x', 'x-files'],
  ])('of “%s” is %s', (name, slug) => {
    expect(suggestSlug(name)).toBe(slug)
  })

  it('is left to the owner when the name has no Latin letters', () => {
    expect(suggestSlug('写真')).toBe('')
  })
})

describe('A link as it is typed', () => {
  it.each([
    'ab',
    'Upper-Case',
    'two--hyphens',
    '-edge',
    'edge-',
    'with space',
    'ümlaut',
    'a'.repeat(64),
    'good-one',
    'abc',
    'a'.repeat(63),
  ])('is judged as the API judges it: %s', (slug) => {
    expect(slugProblem(slug) === null).toBe(contractSlug.safeParse(slug).success)
  })

  it('leaves reserved words to the API', () => {
    expect(RESERVED_SLUGS.filter((slug) => slugProblem(slug) !== null)).toEqual([])
  })
})
