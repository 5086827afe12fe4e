const LINE_WIDTH = 100

/** JSON in which what fits into a line stands in one, so that changes of a large file read well. */
export function compactJson(value: unknown): string {
  return pretty(value, '', 0)
}

function pretty(value: unknown, indent: string, used: number): string {
  const line = oneLine(value)
  if (typeof value !== 'object' || value === null) return line
  if (indent.length + used + line.length < LINE_WIDTH) return line
  const inner = `${indent}  `
  const isList = Array.isArray(value)
  const members = Object.entries(value).map(([name, member]) => {
    const label = isList ? '' : `${JSON.stringify(name)}: `
    return `${inner}${label}${pretty(member, inner, label.length)}`
  })
  const [open, close] = isList ? '[]' : '{}'
  return `${open}\n${members.join(',\n')}\n${indent}${close}`
}

function oneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`
  const members = Object.entries(value).map(([name, member]) => {
    return `${JSON.stringify(name)}: ${oneLine(member)}`
  })
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
