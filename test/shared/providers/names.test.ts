import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  nameAtProvider,
  nextName,
  numberedName,
  parseRelativePath,
  safeSegment,
} from '../../../shared/providers/names.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 400 })
/** Text rich in what is dangerous in a name. */
const hostileText = fc
  .array(
    fc.constantFrom(
      '.',
      '..',
      '/',
      '\\',
      '\0',
      '\n',
      '\u202E',
      '\u2066',
      ' ',
      'é',
      'e\u0301',
      '🎉',
      'a',
      '.pdf',
      '\uD800',
    ),
    { maxLength: 200 },
  )
  .map((parts) => parts.join(''))
const name = fc.oneof(anyText, hostileText)

describe('safeSegment', () => {
  it.each([
    ['Résumé – "ünïcode" (1).pdf', 'Résumé – "ünïcode" (1).pdf'],
    ['e\u0301.txt', 'é.txt'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['C:\\Users\\me\\a.txt', 'C:_Users_me_a.txt'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\r\nb\0.txt', 'ab.txt'],
    ['<svg onload=alert(1)>.svg', '<svg onload=alert(1)>.svg'],
    ['👨‍👩‍👧.png', '👨‍👩‍👧.png'],
    ['.env', '.env'],
    ['', 'unnamed'],
    ['.', 'unnamed'],
    ['..', 'unnamed'],
    ['.. ', 'unnamed'],
    ['\u202E..', 'unnamed'],
    ['   ', 'unnamed'],
  ])('makes %j into %j', (given, expected) => {
    expect(safeSegment(given)).toBe(expected)
  })

  it('cuts a long name before its extension, between characters', () => {
    const cut = safeSegment(`${'ü'.repeat(200)}.tar.gz`)

    expect(cut).toBe(`${'ü'.repeat(126)}.gz`)
  })

  it('always gives a name and never a path', () => {
    fc.assert(
      fc.property(name, (given) => {
        const segment = safeSegment(given)
        expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(255)
        expect(segment).not.toMatch(/^[.\s]*$/)
        expect(segment).not.toMatch(
          /[/\\\p{Cc}\p{Cs}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u,
        )
        expect(segment.normalize('NFC')).toBe(segment)
      }),
    )
  })

  it('leaves what it has made as it is', () => {
    fc.assert(
      fc.property(name, (given) => {
        const segment = safeSegment(given)
        expect(safeSegment(segment)).toBe(segment)
      }),
    )
  })
})

describe('numberedName', () => {
  it.each([
    ['a.pdf', 2, 'a (2).pdf'],
    ['archive.tar.gz', 2, 'archive.tar (2).gz'],
    ['README', 3, 'README (3)'],
    ['.env', 2, '.env (2)'],
    ['.config.json', 2, '.config (2).json'],
    ['ends with.', 2, 'ends with. (2)'],
    ['a (2).pdf', 3, 'a (2) (3).pdf'],
    [
      'Dr. Who and the very long sentence after a dot',
      2,
      'Dr. Who and the very long sentence after a dot (2)',
    ],
  ])('numbers %j with %i as %j', (given, number, expected) => {
    expect(numberedName(given, number)).toBe(expected)
  })

  it('stays a safe segment, keeps its number and differs from every other', () => {
    fc.assert(
      fc.property(name, fc.integer({ min: 2, max: 9999 }), (given, number) => {
        const segment = safeSegment(given)
        const numbered = numberedName(segment, number)
        expect(safeSegment(numbered)).toBe(numbered)
        expect(numbered).toContain(` (${number})`)
        expect(numberedName(segment, number + 1)).not.toBe(numbered)
      }),
    )
  })
})

describe('parseRelativePath', () => {
  it('separates folders from the name', () => {
    expect(parseRelativePath('photos/2026/a.jpg')).toEqual({
      ok: true,
      folders: ['photos', '2026'],
      name: 'a.jpg',
    })
  })

  it('makes every segment safe', () => {
    expect(parseRelativePath('a\\b//c\u202E/d.txt')).toEqual({
      ok: true,
      folders: ['a_b', 'c'],
      name: 'd.txt',
    })
  })

  it.each([
    ['', 'EMPTY'],
    ['/etc/passwd', 'ABSOLUTE'],
    ['../secret', 'DOT_SEGMENT'],
    ['a/../../secret', 'DOT_SEGMENT'],
    ['a/./b', 'DOT_SEGMENT'],
    [`${'d/'.repeat(11)}a.txt`, 'TOO_DEEP'],
  ])('refuses %j: %s', (path, reason) => {
    expect(parseRelativePath(path)).toEqual({ ok: false, reason })
  })

  it('takes ten folders', () => {
    expect(parseRelativePath(`${'d/'.repeat(10)}a.txt`)).toMatchObject({ ok: true, name: 'a.txt' })
  })

  it('never leaves the folder it is joined to', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 14 }), (segments) => {
        const path = parseRelativePath(segments.join('/'))
        if (!path.ok) return
        const joined = new URL(
          [...path.folders, path.name].map(encodeURIComponent).join('/'),
          'file:///top/',
        )
        expect(joined.pathname.startsWith('/top/')).toBe(true)
        expect(joined.pathname.split('/')).toHaveLength(path.folders.length + 3)
      }),
    )
  })
})

describe('a name at Dropbox', () => {
  const cases: [name: string, atDropbox: string][] = [
    ['report.pdf', 'report.pdf'],
    ['Résumé – "ünïcode" (1).pdf', 'Résumé – "ünïcode" (1).pdf'],
    ['請求書.pdf', '請求書.pdf'],
    ['a<b>c:d"e|f?g*.txt', 'a<b>c:d"e|f?g*.txt'],
    ['a.txt.', 'a.txt.'],
    [' a.txt', ' a.txt'],
    ['a.txt ', 'a.txt_'],
    ['a\\b', 'a_b'],
    ['🎉.png', '🎉.png'],
    ['☀.png', '☀.png'],
    ['desktop.ini', '_desktop.ini'],
    ['Thumbs.DB', '_Thumbs.DB'],
    ['.DS_Store', '_.DS_Store'],
    ['.dropbox', '_.dropbox'],
    ['.dropbox.attr', '_.dropbox.attr'],
    ['.dropboxignore', '.dropboxignore'],
    ['~$letter.docx', '_~$letter.docx'],
    ['.~lock.odt', '_.~lock.odt'],
    ['~copy.TMP', '_~copy.TMP'],
    ['copy.tmp', 'copy.tmp'],
  ]

  it.each(cases)('%j is %j', (name, atDropbox) => {
    expect(nameAtProvider('dropbox', name)).toBe(atDropbox)
  })

  it.each(cases)('%j is itself at Drive', (name) => {
    expect(nameAtProvider('google_drive', name)).toBe(name)
  })

  it('is one that Dropbox takes, whatever a client calls a file', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        const atDropbox = nameAtProvider('dropbox', safeSegment(name))
        expect(nameAtProvider('dropbox', atDropbox)).toBe(atDropbox)
        expect(safeSegment(atDropbox)).toBe(atDropbox)
      }),
    )
  })
})

describe('the next name', () => {
  it.each([
    ['a.pdf', 'a (2).pdf'],
    ['a (2).pdf', 'a (3).pdf'],
    ['a (99).pdf', 'a (100).pdf'],
    ['a (x).pdf', 'a (x) (2).pdf'],
    ['(2).pdf', '(2) (2).pdf'],
    ['.env', '.env (2)'],
    ['Invoices', 'Invoices (2)'],
  ])('of %j is %j', (name, next) => {
    expect(nextName(name)).toBe(next)
  })

  it('is always another', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const name = safeSegment(text)
        const names = [name, nextName(name), nextName(nextName(name))]
        expect(new Set(names.map((each) => each.toLowerCase())).size).toBe(3)
      }),
    )
  })
})
