/**
 * What a client may call things, made safe for any storage: the one way in for every path segment.
 * Property: whatever comes in, what goes out is a name, never a path.
 */
import { factsOf, type StorageProviderId } from './providers.ts'

/** What every file system and provider takes for one name. */
const MAX_SEGMENT_BYTES = 255
/** Folders around a file. */
const MAX_FOLDER_DEPTH = 10
/** An extension longer than this is part of the name, not worth keeping when the name is cut. */
const MAX_EXTENSION_BYTES = 32
const FALLBACK_NAME = 'unnamed'

const SEPARATORS = /[/\\]/g
/** Control characters, line and paragraph separators, lone surrogates. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu
/** Bidirectional marks, embeddings, overrides and isolates, by which `exe.fdp` reads as `pdf.exe`. */
const BIDI = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/**
 * A client's name as one path segment: NFC, no separators, control or bidi characters, never `.`
 * or `..`, nor what a system that drops spaces at the end would read as them. Else unchanged.
 */
export function safeSegment(name: string): string {
  const cleaned = name
    .replace(CONTROLS, '')
    .replace(BIDI, '')
    .replace(SEPARATORS, '_')
    .normalize('NFC')
  const segment = fitSegment(cleaned)
  return /^[.\s]*$/.test(segment) ? FALLBACK_NAME : segment
}

/** A safe segment as the provider takes it: refused characters become `_`, reserved names begin with it. */
export function nameAtProvider(provider: StorageProviderId, segment: string): string {
  const { characters, names } = factsOf(provider).refuses ?? {}
  const name = characters ? segment.replace(characters, '_') : segment
  return names?.test(name) ? fitSegment(`_${name}`) : name
}

/** `a.pdf` gives `a (2).pdf`, that one `a (3).pdf`: where another has the name. */
export function nextName(name: string): string {
  const { stem, extension } = splitExtension(name)
  const [, first = stem, number = '1'] = /^(.+) \((\d{1,6})\)$/.exec(stem) ?? []
  return numberedName(`${first}${extension}`, Number(number) + 1)
}

/** A client's name or path as its owner may read it: nothing in it makes it look like another. */
export function legibleName(name: string): string {
  return name.replace(CONTROLS, '').replace(BIDI, '') || FALLBACK_NAME
}

/** `a.pdf` and 2 give `a (2).pdf`: the name for the second file that a client calls so. */
export function numberedName(name: string, number: number): string {
  const { stem, extension } = splitExtension(name)
  return fitSegment(stem, ` (${number})${extension}`)
}

export type RelativePath =
  | { ok: true; folders: string[]; name: string }
  | { ok: false; reason: 'EMPTY' | 'ABSOLUTE' | 'DOT_SEGMENT' | 'TOO_DEEP' }

/**
 * The path of a file within a folder that a client hands over, as browsers give it
 * (`webkitRelativePath`), its segments made safe. `.` and `..` are refused, not repaired: no
 * browser sends them.
 */
export function parseRelativePath(path: string): RelativePath {
  if (path.startsWith('/')) return { ok: false, reason: 'ABSOLUTE' }
  const segments = path.split('/').filter((segment) => segment !== '')
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) {
    return { ok: false, reason: 'DOT_SEGMENT' }
  }
  const folders = segments.map(safeSegment)
  const name = folders.pop()
  if (name === undefined) return { ok: false, reason: 'EMPTY' }
  if (folders.length > MAX_FOLDER_DEPTH) return { ok: false, reason: 'TOO_DEEP' }
  return { ok: true, folders, name }
}

/** A leading dot begins a name, not an extension: `.env` has none. */
function splitExtension(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  const extension = name.slice(dot)
  const isExtension =
    dot > 0 && dot < name.length - 1 && utf8Bytes(extension) <= MAX_EXTENSION_BYTES
  return isExtension ? { stem: name.slice(0, dot), extension } : { stem: name, extension: '' }
}

/** Cuts the stem, not what ends the name, to what a segment may have. */
function fitSegment(name: string, ending?: string): string {
  const { stem, extension } =
    ending === undefined ? splitExtension(name) : { stem: name, extension: ending }
  const roomBytes = MAX_SEGMENT_BYTES - utf8Bytes(extension)
  if (utf8Bytes(stem) <= roomBytes) return stem + extension
  let kept = ''
  let keptBytes = 0
  // By grapheme, so that neither an accent nor an emoji is cut apart.
  for (const { segment } of new Intl.Segmenter().segment(stem)) {
    keptBytes += utf8Bytes(segment)
    if (keptBytes > roomBytes) break
    kept += segment
  }
  return kept.trimEnd() + extension
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text)
}
