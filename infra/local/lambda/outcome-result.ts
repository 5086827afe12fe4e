/** Turns the end of an execution into Lambda's answer and the status of its REPORT line. */
import type { Outcome } from './environment.ts'
import type { InvokeResult } from './invocation.ts'

/** 6 MiB and 100 bytes. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024 + 100

export interface Ending {
  result: InvokeResult
  /** For the REPORT line; absent when the runtime itself survived. */
  status?: string
  /** Written before END. */
  lastLine?: string
}

export function endingOf(outcome: Outcome, requestId: string, timeoutSeconds: number): Ending {
  const failure = (errorType: string, errorMessage: string): InvokeResult => ({
    requestId,
    functionError: 'Unhandled',
    payload: JSON.stringify({ errorType, errorMessage }),
  })
  switch (outcome.kind) {
    case 'response':
      if (outcome.body.length > RESPONSE_LIMIT_BYTES) {
        return {
          result: failure(
            'Function.ResponseSizeTooLarge',
            `Response payload size exceeded maximum allowed payload size (${RESPONSE_LIMIT_BYTES} bytes).`,
          ),
        }
      }
      return { result: { requestId, payload: outcome.body.toString() } }
    case 'error':
      return {
        result: { requestId, functionError: 'Unhandled', payload: outcome.body.toString() },
      }
    case 'init-error': {
      const payload = outcome.body.toString()
      const { errorType } = JSON.parse(payload) as { errorType: string }
      return { result: { requestId, functionError: 'Unhandled', payload }, status: errorType }
    }
    case 'timeout': {
      const line = `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`
      return {
        result: failure('Sandbox.Timedout', `RequestId: ${requestId} Error: ${line}`),
        status: 'timeout',
        lastLine: `${requestId} ${line}`,
      }
    }
    case 'memory': {
      const line = `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`
      return {
        result: failure('Runtime.OutOfMemory', line),
        status: 'Runtime.OutOfMemory',
        lastLine: line,
      }
    }
    case 'exit': {
      const line = `RequestId: ${requestId} Error: Runtime exited with error: ${outcome.reason}`
      return {
        result: failure('Runtime.ExitError', line),
        status: 'Runtime.ExitError',
        lastLine: line,
      }
    }
  }
}
