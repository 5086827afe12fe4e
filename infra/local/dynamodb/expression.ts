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
  return nameTokens(expression).map((token) => nameOf(token, names))
}

/** The same few expressions come again and again; values stand outside of them. */
const MAX_KEPT_EXPRESSIONS = 1_000
const keptNameTokens = new Map<string, readonly string[]>()

function nameTokens(expression: string): readonly string[] {
  const kept = keptNameTokens.get(expression)
  if (kept) return kept
  const tokens = expression.match(TOKEN) ?? []
  const found = tokens.filter((token, index) => {
    const isName = /^[#A-Za-z_]/.test(token)
    const isNested = tokens[index - 1] === '.'
    const isFunction = tokens[index + 1] === '('
    return isName && !isNested && !isFunction && !KEYWORDS.has(token.toLowerCase())
  })
  if (keptNameTokens.size >= MAX_KEPT_EXPRESSIONS) keptNameTokens.clear()
  keptNameTokens.set(expression, found)
  return found
}

function nameOf(token: string, names: ExpressionNames): string {
  return token.startsWith('#') && Object.hasOwn(names, token) ? (names[token] ?? token) : token
}
