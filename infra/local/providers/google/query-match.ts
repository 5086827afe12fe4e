/** Whether a file fits a query of files.list. */
import { invalidValue } from './drive-error.ts'
import { type DriveFile, FOLDER_TYPE } from './drive-file.ts'
import type { Query } from './query-parser.ts'

interface QueryContext {
  clientId: string
  ownerEmail: string
  /** The account's root, which the alias `root` stands for. */
  rootId: string
}

export function matches(query: Query, file: DriveFile, context: QueryContext): boolean {
  switch (query.kind) {
    case 'and':
      return matches(query.left, file, context) && matches(query.right, file, context)
    case 'or':
      return matches(query.left, file, context) || matches(query.right, file, context)
    case 'not':
      return !matches(query.operand, file, context)
    case 'in':
      return isIn(query.value, query.collection, file, context)
    case 'has':
      return propertiesOf(query.term, file, context)[query.key] === query.value
    case 'compare':
      return compares(query, file)
  }
}

/** Refuses terms, operators and values that Drive does not know, also where no file is there to match. */
export function checkQuery(query: Query, example: DriveFile, context: QueryContext): void {
  if (query.kind === 'and' || query.kind === 'or') {
    checkQuery(query.left, example, context)
    checkQuery(query.right, example, context)
  } else if (query.kind === 'not') checkQuery(query.operand, example, context)
  else matches(query, example, context)
}

/** The folder that every match lies in, when the query says so: an index can be used then. */
export function requiredParent(query: Query | undefined): string | undefined {
  if (query?.kind === 'in' && query.collection === 'parents') return query.value
  if (query?.kind === 'and') return requiredParent(query.left) ?? requiredParent(query.right)
  return undefined
}

function isIn(value: string, collection: string, file: DriveFile, context: QueryContext): boolean {
  if (collection === 'parents') {
    return file.parentId === (value === 'root' ? context.rootId : value)
  }
  if (['owners', 'writers', 'readers'].includes(collection)) {
    return value === 'me' || value.toLowerCase() === context.ownerEmail
  }
  throw invalidValue('q')
}

function propertiesOf(
  term: string,
  file: DriveFile,
  context: QueryContext,
): Record<string, string> {
  if (term === 'properties') return file.properties
  if (term === 'appProperties') return file.appProperties[context.clientId] ?? {}
  throw invalidValue('q')
}

function compares(query: Extract<Query, { kind: 'compare' }>, file: DriveFile): boolean {
  const { term, operator, value } = query
  switch (term) {
    case 'name':
      return comparesName(file.name, operator, value)
    case 'mimeType':
      if (operator === 'contains') return file.mimeType.includes(value)
      return equality(file.mimeType === value, operator)
    case 'trashed':
      return equality(file.trashed === truth(value), operator)
    case 'starred':
      return equality(file.starred === truth(value), operator)
    case 'sharedWithMe':
      return equality(truth(value) === false, operator)
    case 'modifiedTime':
      return comparesTime(file.modifiedMs, operator, value)
    case 'createdTime':
      return comparesTime(file.createdMs, operator, value)
    default:
      throw invalidValue('q')
  }
}

/** Equality ignores case; "the contains operator only performs prefix matching for a name term". */
function comparesName(name: string, operator: string, value: string): boolean {
  const [have, want] = [name.toLowerCase(), value.toLowerCase()]
  if (operator !== 'contains') return equality(have === want, operator)
  const wordStarts = [...have.matchAll(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu)].map(
    (match) => match.index,
  )
  return have.startsWith(want) || wordStarts.some((start) => have.startsWith(want, start))
}

function comparesTime(haveMs: number, operator: string, value: string): boolean {
  // "RFC 3339 format, default time zone is UTC"
  const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(value) || !value.includes('T') ? value : `${value}Z`
  const wantMs = Date.parse(zoned)
  if (Number.isNaN(wantMs)) throw invalidValue('q')
  switch (operator) {
    case '<':
      return haveMs < wantMs
    case '<=':
      return haveMs <= wantMs
    case '>':
      return haveMs > wantMs
    case '>=':
      return haveMs >= wantMs
    default:
      return equality(haveMs === wantMs, operator)
  }
}

function equality(equal: boolean, operator: string): boolean {
  if (operator === '=') return equal
  if (operator === '!=') return !equal
  throw invalidValue('q')
}

function truth(value: string): boolean {
  if (value === 'true') return true
  if (value === 'false') return false
  throw invalidValue('q')
}

/** Order by the comma-separated keys of `orderBy`. https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list */
export function fileOrder(orderBy: string): (left: DriveFile, right: DriveFile) => number {
  const keys = orderBy.split(',').map((part) => {
    const [key = '', direction] = part.trim().split(/\s+/)
    const read = ORDER_KEYS[key]
    if (!read || (direction !== undefined && direction !== 'desc')) throw invalidValue('orderBy')
    return { read, sign: direction === 'desc' ? -1 : 1 }
  })
  return (left, right) => {
    for (const { read, sign } of keys) {
      const [one, other] = [read(left), read(right)]
      if (one < other) return -sign
      if (one > other) return sign
    }
    return left.id < right.id ? -1 : 1
  }
}

const ORDER_KEYS: Record<string, (file: DriveFile) => string | number> = {
  createdTime: (file) => file.createdMs,
  folder: (file) => (file.mimeType === FOLDER_TYPE ? 0 : 1),
  modifiedByMeTime: (file) => file.modifiedMs,
  modifiedTime: (file) => file.modifiedMs,
  name: (file) => file.name.toLowerCase(),
  name_natural: (file) =>
    file.name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(15, '0')),
  quotaBytesUsed: (file) => file.content?.size ?? 0,
  recency: (file) => file.modifiedMs,
}
