/**
 * The chain of requests behind an invocation, by which Lambda detects recursive loops: "Lambda uses
 * AWS X-Ray tracing headers" that the SDK copies from an invocation into its calls; SQS keeps them
 * with a message, and the mapping hands them to the next invocation. No tracing has to be active.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 *
 * Known gaps: AWS says "approximately 16 times", here it is exactly 16; the member of the header is
 * not documented (its name is that of headers seen at AWS, its value is ours).
 */
import { createHash, randomBytes } from 'node:crypto'

/** "If your function is invoked approximately 16 times in the same chain of requests, Lambda automatically stops the next". */
export const MAX_INVOCATIONS_OF_CHAIN = 16

/** Invocations so far by function; functions are named by a hash, which keeps the header short. */
type Lineage = Map<string, number>

export interface Chain {
  /** How often this function ran in the chain before. */
  invocations: number
  /** For the calls of the invocation that follows. */
  traceHeader: string
}

export function continueChain(
  traceHeader: string | undefined,
  functionName: string,
  nowMs: number,
): Chain {
  const lineage = lineageOf(traceHeader ?? '')
  const key = createHash('sha256').update(functionName).digest('hex').slice(0, 8)
  const invocations = lineage.get(key) ?? 0
  lineage.set(key, invocations + 1)
  const root = memberOf(traceHeader ?? '', 'Root') ?? newRoot(nowMs)
  return { invocations, traceHeader: writeHeader(root, lineage) }
}

/** One header for a batch: the longest chain of each function; undefined when no message has one. */
export function mergeTraceHeaders(headers: readonly (string | undefined)[]): string | undefined {
  const known = headers.filter((header) => header !== undefined)
  const [first] = known
  if (first === undefined) return undefined
  const merged: Lineage = new Map()
  for (const header of known) {
    for (const [key, count] of lineageOf(header)) {
      merged.set(key, Math.max(count, merged.get(key) ?? 0))
    }
  }
  return writeHeader(memberOf(first, 'Root') ?? '', merged)
}

/** `1-6560a0e0-…`: version, seconds, 96 random bits. https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html */
export const newRoot = (nowMs: number): string =>
  `1-${Math.floor(nowMs / 1000).toString(16)}-${randomBytes(12).toString('hex')}`

function writeHeader(root: string, lineage: Lineage): string {
  const counts = [...lineage].map(([key, count]) => `${key}:${count}`).join('|')
  const parent = randomBytes(8).toString('hex')
  return `Root=${root};Parent=${parent};Sampled=0;Lineage=${counts}`
}

function memberOf(header: string, name: string): string | undefined {
  const member = header.split(';').find((part) => part.trim().startsWith(`${name}=`))
  return member?.trim().slice(name.length + 1)
}

function lineageOf(header: string): Lineage {
  const counts = (memberOf(header, 'Lineage') ?? '').matchAll(/([0-9a-f]{8}):(\d+)/g)
  return new Map([...counts].map(([, key = '', count]) => [key, Number(count)]))
}
