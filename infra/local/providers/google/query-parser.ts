/**
 * The `q` parameter of files.list: comparisons joined by `and`, `or`, `not` and parentheses.
 * https://developers.google.com/workspace/drive/api/guides/ref-search-terms
 */
import { invalidValue } from './drive-error.ts'

export type Query =
  | { kind: 'and' | 'or'; left: Query; right: Query }
  | { kind: 'not'; operand: Query }
  | { kind: 'compare'; term: string; operator: string; value: string }
  | { kind: 'in'; value: string; collection: string }
  | { kind: 'has'; term: string; key: string; value: string }

interface Token {
  kind: 'word' | 'text' | 'sign'
  value: string
}

const OPERATORS = new Set(['=', '!=', '<', '<=', '>', '>=', 'contains'])

export function parseQuery(text: string): Query {
  return new QueryParser(tokenize(text)).parse()
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  // A literal escapes ' and \ with a backslash.
  const pattern = /\s+|'((?:[^'\\]|\\.)*)'|([A-Za-z][A-Za-z]*)|(!=|<=|>=|[=<>(){}])/sy
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (!match) throw invalidValue('q')
    const [, literal, word, sign] = match
    if (literal !== undefined) {
      tokens.push({ kind: 'text', value: literal.replace(/\\(.)/gs, '$1') })
    } else if (word !== undefined) tokens.push({ kind: 'word', value: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign })
  }
  return tokens
}

class QueryParser {
  readonly #tokens: Token[]
  #position = 0

  constructor(tokens: Token[]) {
    this.#tokens = tokens
  }

  parse(): Query {
    const query = this.#or()
    if (this.#position < this.#tokens.length) throw invalidValue('q')
    return query
  }

  #or(): Query {
    let left = this.#and()
    while (this.#accept('or')) left = { kind: 'or', left, right: this.#and() }
    return left
  }

  #and(): Query {
    let left = this.#not()
    while (this.#accept('and')) left = { kind: 'and', left, right: this.#not() }
    return left
  }

  #not(): Query {
    if (this.#accept('not')) return { kind: 'not', operand: this.#not() }
    if (this.#accept('(')) {
      const query = this.#or()
      this.#expect(')')
      return query
    }
    return this.#comparison()
  }

  #comparison(): Query {
    const first = this.#next()
    if (first.kind === 'text') {
      this.#expect('in')
      return { kind: 'in', value: first.value, collection: this.#word() }
    }
    if (first.kind !== 'word') throw invalidValue('q')
    if (this.#accept('has')) return this.#has(first.value)
    const operator = this.#next().value
    if (!OPERATORS.has(operator)) throw invalidValue('q')
    const operand = this.#next()
    if (operand.kind === 'sign') throw invalidValue('q')
    return { kind: 'compare', term: first.value, operator, value: operand.value }
  }

  /** `appProperties has { key='app' and value='x' }` */
  #has(term: string): Query {
    this.#expect('{')
    const key = this.#pair('key')
    this.#expect('and')
    const value = this.#pair('value')
    this.#expect('}')
    return { kind: 'has', term, key, value }
  }

  #pair(name: string): string {
    this.#expect(name)
    this.#expect('=')
    const literal = this.#next()
    if (literal.kind !== 'text') throw invalidValue('q')
    return literal.value
  }

  #word(): string {
    const token = this.#next()
    if (token.kind !== 'word') throw invalidValue('q')
    return token.value
  }

  #next(): Token {
    const token = this.#tokens[this.#position]
    if (!token) throw invalidValue('q')
    this.#position += 1
    return token
  }

  #accept(value: string): boolean {
    const token = this.#tokens[this.#position]
    if (token?.value !== value || token.kind === 'text') return false
    this.#position += 1
    return true
  }

  #expect(value: string): void {
    if (!this.#accept(value)) throw invalidValue('q')
  }
}
