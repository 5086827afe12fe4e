/**
 * The policy of a browser's upload form: what its fields and its file may be.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
import { AwsError } from '../engine.ts'

/** How long the file may be. */
export interface FileLimits {
  minBytes: number
  maxBytes: number
}

type Condition = { text: string } & (
  | { kind: 'eq' | 'starts-with'; field: string; value: string }
  | ({ kind: 'range' } & FileLimits)
)

/** "Each form field … must appear in the list of conditions", but for these and `x-ignore-…`. */
const UNCONDITIONED = ['x-amz-signature', 'file', 'policy']

/** Throws unless the policy allows the form now; `fields` hold `bucket` too. */
export function requirePostPolicy(
  encodedPolicy: string,
  fields: ReadonlyMap<string, string>,
  nowMs: number,
): FileLimits {
  const { expiresMs, conditions } = parsePolicy(encodedPolicy)
  if (nowMs > expiresMs) throw refused('Policy expired.')
  const limits: FileLimits = { minBytes: 0, maxBytes: Number.POSITIVE_INFINITY }
  for (const condition of conditions) {
    if (condition.kind === 'range') {
      limits.minBytes = Math.max(limits.minBytes, condition.minBytes)
      limits.maxBytes = Math.min(limits.maxBytes, condition.maxBytes)
    } else if (!holds(condition.kind, condition.field, condition.value, fields)) {
      throw refused(`Policy Condition failed: ${condition.text}`)
    }
  }
  const named = new Set(conditions.map((it) => (it.kind === 'range' ? '' : it.field)))
  const extra = [...fields.keys()].filter(
    (name) =>
      !named.has(name) &&
      !UNCONDITIONED.includes(name) &&
      !name.startsWith('x-ignore-') &&
      name !== 'bucket',
  )
  if (extra.length > 0) throw refused(`Extra input fields: ${extra.join(', ')}`)
  return limits
}

function holds(
  kind: 'eq' | 'starts-with',
  field: string,
  value: string,
  fields: ReadonlyMap<string, string>,
): boolean {
  const actual = fields.get(field)
  if (kind === 'eq') return actual === value
  // "Content-Types values for a starts-with condition that include commas are interpreted as lists."
  const items = field === 'content-type' ? (actual ?? '').split(',') : [actual ?? '']
  return items.every((item) => item.trim().startsWith(value))
}

function parsePolicy(encoded: string): { expiresMs: number; conditions: Condition[] } {
  const policy = parseJson(encoded)
  const { expiration, conditions } = policy
  if (typeof expiration !== 'string') throw invalid('Policy missing expiration.')
  if (!Array.isArray(conditions)) throw invalid('Policy missing conditions.')
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiration)
  const expiresMs = Date.parse(expiration)
  if (!isIso || Number.isNaN(expiresMs)) {
    throw invalid(`Invalid 'expiration' value: '${expiration}'`)
  }
  return { expiresMs, conditions: conditions.flatMap(parseCondition) }
}

function parseJson(encoded: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString())
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw invalid('Invalid JSON.')
}

function parseCondition(condition: unknown): Condition[] {
  const text = JSON.stringify(condition)
  if (Array.isArray(condition)) {
    const [operator, first, second] = condition
    const kind = String(operator).toLowerCase()
    if (kind === 'content-length-range' && condition.length === 3) {
      const [minBytes, maxBytes] = [Number(first), Number(second)]
      if (Number.isInteger(minBytes) && Number.isInteger(maxBytes)) {
        return [{ kind: 'range', minBytes, maxBytes, text }]
      }
    }
    const isMatch = (kind === 'eq' || kind === 'starts-with') && condition.length === 3
    if (isMatch && typeof first === 'string' && first.startsWith('$')) {
      return [{ kind, field: first.slice(1).toLowerCase(), value: String(second), text }]
    }
  } else if (typeof condition === 'object' && condition !== null) {
    return Object.entries(condition).map(([field, value]) => ({
      kind: 'eq',
      field: field.toLowerCase(),
      value: String(value),
      text: JSON.stringify(['eq', `$${field}`, value]),
    }))
  }
  throw invalid(`Invalid Condition: ${text}`)
}

function refused(reason: string): AwsError {
  return new AwsError('AccessDenied', `Invalid according to Policy: ${reason}`, 403)
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidPolicyDocument', `Invalid Policy: ${reason}`, 400)
}
