/** Whether a portal takes a file, judged as the `accept` attribute is (https://html.spec.whatwg.org/#attr-input-accept). */
export function isAllowedType(
  file: { name: string; type: string },
  allowedTypes: readonly string[],
): boolean {
  if (allowedTypes.length === 0) return true
  const name = file.name.toLowerCase()
  // A declared type may carry parameters: `text/plain;charset=utf-8`.
  const [type = ''] = file.type.toLowerCase().split(';')
  return allowedTypes.some((allowed) => {
    if (allowed.startsWith('.')) return name.endsWith(allowed)
    if (allowed.endsWith('/*')) return type.startsWith(allowed.slice(0, -1))
    return type.trim() === allowed
  })
}
