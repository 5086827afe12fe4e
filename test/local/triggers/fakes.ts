import type { Clock } from '../../../infra/local/clock.ts'
import type {
  AsyncInvocation,
  FunctionInvoker,
  InvokeResult,
} from '../../../infra/local/lambda/invocation.ts'
import type {
  QueueMessage,
  QueueReceiver,
  QueueSender,
} from '../../../infra/local/sqs/queue-port.ts'

/** A clock that stands still until it is advanced. */
export class ManualClock implements Clock {
  #nowMs = Date.UTC(2026, 10, 22, 14, 0, 30)

  now(): number {
    return this.#nowMs
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000
  }
}

export interface SentMessage {
  queueArn: string
  body: string
  options: Parameters<QueueSender['send']>[2]
}

/** Records what is sent; `failures` are thrown first, one for each send. */
export function recordingQueues(failures: unknown[] = []): QueueSender & { sent: SentMessage[] } {
  const sent: SentMessage[] = []
  return {
    sent,
    send: async (queueArn, body, options) => {
      const failure = failures.shift()
      if (failure) throw failure
      sent.push({ queueArn, body, options })
    },
  }
}

/** A queue in memory whose messages stay invisible for good once received. */
export function memoryQueue(bodies: string[] = []): QueueReceiver & {
  visible: QueueMessage[]
  deleted: string[]
  put(body: string): void
} {
  let count = 0
  let wake: (() => void) | undefined
  const visible: QueueMessage[] = []
  const deleted: string[] = []
  const put = (body: string) => {
    count++
    visible.push({
      messageId: `m${count}`,
      receiptHandle: `r${count}`,
      body,
      md5OfBody: 'md5',
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'usr_1' },
    })
    wake?.()
  }
  for (const body of bodies) put(body)
  return {
    visible,
    deleted,
    put,
    visibilitySeconds: () => 330,
    receive: async (_queueArn, { maxMessages, waitMs, signal }) => {
      if (visible.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
          signal?.addEventListener('abort', () => resolve())
          setTimeout(resolve, waitMs).unref()
        })
      }
      return signal?.aborted ? [] : visible.splice(0, maxMessages)
    },
    deleteBatch: async (_queueArn, receiptHandles) => {
      deleted.push(...receiptHandles)
    },
  }
}

export interface Invoked {
  functionName: string
  // biome-ignore lint/suspicious/noExplicitAny: events are what these tests look into.
  payload: any
  traceHeader?: string
}

type Answer = (
  payload: Invoked['payload'],
  call: number,
  traceHeader: string | undefined,
) => unknown

/** Functions that answer by `answer`; an InvokeResult is passed on as it is. */
export function fakeLambda(answer: Answer = () => null): FunctionInvoker & { invoked: Invoked[] } {
  const invoked: Invoked[] = []
  const invoke: FunctionInvoker['invoke'] = async (functionName, payload, options = {}) => {
    const { traceHeader } = options
    const call = invoked.push({ functionName, payload, ...(traceHeader && { traceHeader }) })
    const value = await answer(payload, call, traceHeader)
    return isResult(value) ? value : { requestId: 'req', payload: JSON.stringify(value ?? null) }
  }
  return {
    invoked,
    invoke,
    invokeAsync: (functionName, payload): AsyncInvocation => ({
      requestId: 'req',
      firstAttempt: invoke(functionName, payload),
    }),
  }
}

export const functionError: InvokeResult = {
  requestId: 'req',
  functionError: 'Unhandled',
  payload: '{"errorType":"Error","errorMessage":"no"}',
}

const isResult = (value: unknown): value is InvokeResult =>
  typeof value === 'object' && value !== null && 'payload' in value
