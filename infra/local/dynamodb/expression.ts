/**
 * Reads DynamoDB's expressions as far as permissions depend on them: which top-level attributes
 * they name and which values a key condition demands. It judges no syntax; the database does.
 */
export interface ExpressionNames {
  readonly [placeholder: string]: string
}

const TOKEN = /[#:]?\w+|<=|>=|<>|[^\s\w]/g
const KEYWORDS = new Set(['and', 'or', 'not', 'between', 'in', 'set', 'remove', 'add', 'delete'])

/** Values that the expression demands an attribute to equal, by their placeholders (`:id`). */
export function equalityPlaceholders(
  expression: string,
  names: ExpressionNames,
  attribute: string,
): string[] {
  const tokens = expression.match(TOKEN) ?? []
  const found: string[] = []
  for (const [index, token] of tokens.entries()) {
    if (token !== '=') continue
    const left = tokens[index - 1] ?? ''
    const right = tokens[index + 1] ?? ''
    if (right.startsWith(':') && nameOf(left, names) === attribute) found.push(right)
    else if (left.startsWith(':') && nameOf(right, names) === attribute) found.push(left)
  }
  return found
}

/** Top-level attributes that an expression of any kind names. */
export function namedAttributes(expression: string, names: ExpressionNames): string[] {
  const tokens = expression.match(TOKEN) ?? []
  return tokens.flatMap((token, index) => {
    const isName = /^[#A-Za-z_]/.test(token)
    const isNested = tokens[index - 1] === '.'
    const isFunction = tokens[index + 1] === '('
    if (!isName || isNested || KEYWORDS.has(token.toLowerCase())) return []
    return isFunction ? [] : [nameOf(token, names)]
  })
}

function nameOf(token: string, names: ExpressionNames): string {
  return token.startsWith('#') && Object.hasOwn(names, token) ? (names[token] ?? token) : token
}
