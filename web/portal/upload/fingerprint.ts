/** What tells that a file chosen now is the file chosen before. */
interface Identified {
  name: string
  relativePath: string
  size: number
  lastModified: number
}

export function fingerprint(file: Identified): string {
  return JSON.stringify([file.relativePath || file.name, file.name, file.size, file.lastModified])
}

/** The same without its folder: a file of a folder may be chosen again by itself. */
export function looseFingerprint(file: Identified): string {
  return JSON.stringify([file.name, file.size, file.lastModified])
}
