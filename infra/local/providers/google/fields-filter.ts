/**
 * The `fields` parameter: `a,b`, `a/b`, `a(b,c)` and `*`.
 * https://developers.google.com/workspace/drive/api/guides/fields-parameter
 */
import { DriveError } from './drive-error.ts'

/** Chosen members, each with what is chosen below it; an empty map chooses everything below. */
type Selection = Map<string, Selection>

/** Names that are known at a level; below a name without an entry everything may be named. */
interface KnownFields {
  names: ReadonlySet<string>
  below?: Record<string, KnownFields>
}

export function filterFields(value: unknown, fields: string, known: KnownFields): unknown {
  const selection = new FieldsParser(fields).parse()
  check(selection, known)
  return pick(value, selection)
}

function check(selection: Selection, known: KnownFields): void {
  for (const [name, below] of selection) {
    if (name === '*') continue
    if (!known.names.has(name)) throw invalidSelection(name)
    const deeper = known.below?.[name]
    if (deeper) check(below, deeper)
  }
}

function pick(value: unknown, selection: Selection): unknown {
  if (Array.isArray(value)) return value.map((element) => pick(element, selection))
  if (typeof value !== 'object' || value === null || selection.size === 0) return value
  if (selection.has('*')) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const below = selection.get(name)
      return below ? [[name, pick(member, below)]] : []
    }),
  )
}

class FieldsParser {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text.replaceAll(/\s/g, '')
  }

  parse(): Selection {
    const selection = this.#list()
    if (this.#position < this.#text.length) throw invalidSelection(this.#text)
    return selection
  }

  #list(): Selection {
    const selection: Selection = new Map()
    do this.#path(selection)
    while (this.#accept(','))
    return selection
  }

  #path(into: Selection): void {
    const name = /^(\*|[A-Za-z][A-Za-z0-9]*)/.exec(this.#text.slice(this.#position))?.[0]
    if (name === undefined) throw invalidSelection(this.#text)
    this.#position += name.length
    const known = into.get(name)
    const below: Selection = known ?? new Map()
    into.set(name, below)
    if (this.#accept('/')) this.#path(below)
    else if (this.#accept('(')) {
      for (const [member, deeper] of this.#list()) below.set(member, deeper)
      if (!this.#accept(')')) throw invalidSelection(this.#text)
    }
  }

  #accept(character: string): boolean {
    if (this.#text[this.#position] !== character) return false
    this.#position += 1
    return true
  }
}

function invalidSelection(name: string): DriveError {
  return new DriveError(400, 'invalidParameter', `Invalid field selection ${name}`, {
    location: 'fields',
    locationType: 'parameter',
  })
}
