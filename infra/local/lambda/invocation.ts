/** What the Lambda host and those that wake functions agree on. */
import { AwsError, LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'

/** A function as its template describes it, with every intrinsic resolved. */
export interface LocalFunction {
  name: string
  /** Directory of the code asset; a copy of it becomes LAMBDA_TASK_ROOT. */
  codeDir: string
  /** `index.handler` */
  handler: string
  memoryMb: number
  timeoutSeconds: number
  /** The template's variables, and nothing else. */
  environment: Record<string, string>
  /** Keys of the function's own role, as the gateway's principal store knows them. */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string }
  /** `ReservedConcurrentExecutions`; 0 switches the function off. */
  reservedConcurrency?: number
  /** `AWS::Lambda::EventInvokeConfig` and `DeadLetterConfig`. */
  asyncRetries?: number
  asyncMaximumAgeSeconds?: number
  deadLetterQueueArn?: string
  /** `DestinationConfig.OnFailure.Destination`; a queue. */
  onFailureArn?: string
  /** Lambda stops recursive loops unless the function says `Allow`. */
  recursiveLoop?: 'Allow' | 'Terminate'
}

export interface InvokeResult {
  requestId: string
  /** JSON text: the function's answer, or `{errorType, errorMessage, trace}` when `functionError` is set. */
  payload: string
  /** Set when the function threw, timed out, crashed or ran out of memory. */
  functionError?: 'Unhandled'
}

export interface InvokeOptions {
  /** Stops the waiting only; the function runs on, as it does when a caller of AWS hangs up. */
  signal?: AbortSignal
  /** Trace header of what caused the invocation: it tells how long the chain of requests is. */
  traceHeader?: string | undefined
}

export interface AsyncInvocation {
  requestId: string
  /** Resolves, never rejects, when the first attempt has ended; undefined when it was refused or the host closed. */
  firstAttempt: Promise<InvokeResult | undefined>
}

/** The part of the host that triggers and the HTTP API use. */
export interface FunctionInvoker {
  /**
   * Runs the function and waits for its answer. Throws `AwsError`: `TooManyRequestsException` (429),
   * `RequestEntityTooLargeException` (413), `ResourceNotFoundException` (404),
   * `RecursiveInvocationException` (400), `ServiceException` (500).
   */
  invoke(functionName: string, payload: unknown, options?: InvokeOptions): Promise<InvokeResult>
  /**
   * Accepts the event, which is then safe from a crash, and runs it with Lambda's retries. Throws as
   * `invoke` for size and unknown names.
   */
  invokeAsync(
    functionName: string,
    payload: unknown,
    options?: Pick<InvokeOptions, 'traceHeader'>,
  ): AsyncInvocation
}

export interface LambdaLogLine {
  functionName: string
  /** Absent while an environment initialises. */
  requestId?: string
  line: string
}

export interface FunctionStats {
  idle: number
  busy: number
  coldStarts: number
  invocations: number
  errors: number
  throttles: number
  /** `RecursiveInvocationsDropped` of CloudWatch. */
  recursiveInvocationsDropped: number
  /** Peak resident memory over all environments so far. */
  maxMemoryMb: number
}

export interface LambdaStats {
  /** Executions running now; never above `maxConcurrency`. */
  running: number
  functions: Record<string, FunctionStats>
}

export const functionArn = (name: string): string =>
  `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:function:${name}`

/** The name in a function's ARN, with or without a version. */
export function functionNameOf(arn: string): string {
  const name = /^arn:aws:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(arn)?.[1]
  if (!name) throw new AwsError('ValidationException', `Not the ARN of a function: ${arn}`)
  return name
}

export const isRecursion = (error: unknown): boolean =>
  error instanceof AwsError && error.code === 'RecursiveInvocationException'

export const isThrottle = (error: unknown): boolean =>
  error instanceof AwsError && error.code === 'TooManyRequestsException'
