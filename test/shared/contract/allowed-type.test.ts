import { describe, expect, it } from 'vitest'
import { isAllowedType } from '../../../shared/contract/allowed-type.ts'

describe('isAllowedType', () => {
  it.each([
    ['everything, when nothing is named', 'a.exe', '', [], true],
    ['an extension in any case', 'LETTER.PDF', '', ['.pdf'], true],
    ['another extension', 'letter.pdf.exe', 'application/pdf', ['.pdf'], false],
    ['a name without an extension', 'pdf', 'text/plain', ['.pdf'], false],
    ['an extension of several parts', 'a.tar.gz', '', ['.gz'], true],
    ['a kind', 'a.png', 'image/png', ['image/*'], true],
    ['another kind', 'a.pdf', 'application/pdf', ['image/*'], false],
    ['a kind that begins alike', 'a.x', 'imageish/png', ['image/*'], false],
    ['a type, its parameters aside', 'a.txt', 'Text/Plain; charset=utf-8', ['text/plain'], true],
    ['a file of unknown type', 'a', '', ['image/*', 'application/pdf'], false],
    ['what is declared as nothing', 'a.bin', 'application/octet-stream', ['application/*'], false],
    ['the type alone, not the name', 'a.exe', 'image/png', ['image/*'], true],
    ['an extension beside a kind', 'a.heic', '', ['image/*', '.heic'], true],
    ['any of several', 'a.jpg', 'image/jpeg', ['.pdf', 'image/*'], true],
  ])('judges %s', (_, name, type, allowed, expected) => {
    expect(isAllowedType(allowed, { fileName: name, mimeType: type })).toBe(expected)
  })
})
