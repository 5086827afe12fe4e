import * as z from 'zod'
import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import { parseInput } from '../json-service.ts'
import { missingParameter } from './message-rules.ts'
import type { Queue, QueueService } from './queue-service.ts'

export interface SqsCaller {
  service: QueueService
  queueUrl: (name: string) => string
  principalArn: string
  /** `X-Amzn-Trace-Id` of the request. */
  traceHeader: string | undefined
  /** Aborted when the caller hangs up: nobody would delete what it is given then. */
  signal: AbortSignal
}

export type Input = Record<string, unknown> | undefined
export type SqsOperation = (caller: SqsCaller, input: Input) => object | Promise<object>

export const onQueue = { QueueUrl: z.string() }
export const names = z.array(z.string()).nullish()

/** The queue of a URL; only its path counts, because the port may be another after a restart. */
export function findQueue(caller: SqsCaller, queueUrl: string): Queue {
  return caller.service.byName(nameInUrl(queueUrl))
}

/** Name in `…/<account>/<name>`; empty for a URL of another account. */
export function nameInUrl(queueUrl: string): string {
  const [name = '', account] = queueUrl.split('/').reverse()
  return account === LOCAL_ACCOUNT_ID ? name : ''
}

export function parse<T extends z.ZodType>(schema: T, input: Input): z.output<T> {
  return parseInput(schema, input, missingParameter)
}

/** Those of the attributes that were asked for. */
export function select(
  attributes: Record<string, string>,
  wanted: string[],
): Record<string, string> {
  if (wanted.includes('All')) return attributes
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => wanted.includes(name)))
}
