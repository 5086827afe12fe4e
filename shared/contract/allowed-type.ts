/** What server and portal page judge alike. Imports nothing, so that the portal page stays small. */

const NO_TYPE = ['', 'application/octet-stream']

/**
 * An extension must be that of the name, a type that which the client declares, as browsers judge
 * `accept` (https://html.spec.whatwg.org/#attr-input-accept). What is declared as nothing has no type.
 */
export function isAllowedType(
  allowedTypes: readonly string[],
  file: { fileName: string; mimeType: string },
): boolean {
  if (allowedTypes.length === 0) return true
  const name = file.fileName.toLowerCase()
  const type = file.mimeType.toLowerCase().split(';')[0]?.trim() ?? ''
  return allowedTypes.some((allowed) => {
    if (allowed.startsWith('.')) return name.endsWith(allowed)
    if (NO_TYPE.includes(type)) return false
    return allowed.endsWith('/*') ? type.startsWith(allowed.slice(0, -1)) : type === allowed
  })
}
