/**
 * Paths of Dropbox: case-insensitive, case-preserving.
 * https://www.dropbox.com/developers/documentation/http/documentation#path-formats
 */

const MAX_NAME_CHARACTERS = 255
/** What the desktop program never synchronises (https://help.dropbox.com/organize/file-names). */
const IGNORED_NAMES = new Set([
  'desktop.ini',
  'thumbs.db',
  '.ds_store',
  'icon\r',
  '.dropbox',
  '.dropbox.attr',
])
const TEMPORARY_NAME = /^(~\$|\.~|~.*\.tmp$)/i

/** What two paths have in common that lead to the same place; the root is ''. */
export function pathKey(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

export function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Why a path cannot be written, or undefined; it begins with a slash. */
export function pathFault(path: string): 'malformed_path' | 'disallowed_name' | undefined {
  const names = path.split('/').slice(1)
  if (names.some(isMalformed)) return 'malformed_path'
  if (names.some(isIgnored)) return 'disallowed_name'
  return undefined
}

/** True for what can name nothing, so that reading it is refused as well. */
export function isMalformedPath(path: string): boolean {
  return pathFault(path) === 'malformed_path'
}

function isMalformed(name: string): boolean {
  return (
    name === '' ||
    name === '.' ||
    name === '..' ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL and DEL are what Dropbox refuses.
    /[\\\u0000\u007f]/.test(name) ||
    name.endsWith(' ') ||
    [...name].length > MAX_NAME_CHARACTERS ||
    !name.isWellFormed()
  )
}

function isIgnored(name: string): boolean {
  return IGNORED_NAMES.has(name.toLowerCase()) || TEMPORARY_NAME.test(name)
}
