/**
 * Runs the template's functions as Lambda does, each concurrent execution in a process of its own.
 *
 * Rules: the account's concurrency (429 above it) and reserved concurrency; init limited to 10 s,
 * then once more within the function's timeout; SIGKILL at the timeout and when resident memory
 * exceeds MemorySize; environments are reused last in, first out, and recycled when idle; payloads
 * of 6 MiB in, 6 MiB + 100 B out, 1 MiB asynchronous; errors in Lambda's words; the 17th invocation
 * of one chain of requests is refused unless RecursiveLoop is Allow; asynchronous events survive
 * `kill -9`. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 *
 * Known gaps: memory is enforced on Linux only (Node itself takes about 55 MB of it); /tmp is the
 * machine's; processor share does not follow MemorySize; response streaming, versions, layers and
 * extensions are absent; chains of requests are followed through SQS only, not through S3 or SNS.
 *
 * On disk: `<dataDir>/logs/<function>.log` and `.log.1`, `<dataDir>/code/<function>/`, `<dataDir>/async.db`.
 */
import { randomUUID } from 'node:crypto'
import { createAlarms } from '../alarms.ts'
import type { Clock } from '../clock.ts'
import { AwsError } from '../engine.ts'
import type { QueueSender } from '../sqs/queue-port.ts'
import { createAsyncInvoker } from './async-invoker.ts'
import { storeCode } from './code-store.ts'
import { Environment, type Outcome } from './environment.ts'
import { createFunctionLog, createRequestLog } from './function-log.ts'
import {
  type FunctionInvoker,
  type FunctionStats,
  functionArn,
  type InvokeResult,
  type LambdaLogLine,
  type LambdaStats,
  type LocalFunction,
} from './invocation.ts'
import { continueChain, MAX_INVOCATIONS_OF_CHAIN } from './lineage.ts'
import { endingOf } from './outcome-result.ts'
import type { Warden } from './warden.ts'

/** New accounts may have as few. */
const DEFAULT_MAX_CONCURRENCY = 10
const INIT_LIMIT_MS = 10_000
/** Lambda keeps an idle environment for some minutes; nothing may count on how many. */
const IDLE_LIMIT_MS = 5 * 60_000
const SYNC_LIMIT_BYTES = 6 * 1024 * 1024
const ASYNC_LIMIT_BYTES = 1024 * 1024

/** https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors */
const RECURSION_MESSAGE =
  "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation."

const NOTHING_YET = {
  coldStarts: 0,
  invocations: 0,
  errors: 0,
  throttles: 0,
  recursiveInvocationsDropped: 0,
  maxMemoryMb: 0,
}

export interface LambdaHostOptions {
  clock: Clock
  warden: Warden
  dataDir: string
  /** Set over the template's variables in every environment: endpoints of the local cloud. */
  overlayEnv: Record<string, string>
  /** Takes the dead letters of asynchronous invocations. */
  queues?: QueueSender
  maxConcurrency?: number
  initLimitMs?: number
  idleLimitMs?: number
  onLog?: (line: LambdaLogLine) => void
}

export interface LambdaHost extends FunctionInvoker {
  /** Adds a function with a copy of its code, or replaces one together with its idle environments. */
  register(fn: LocalFunction): void
  /** Kills one environment, a busy one first; false when there is none. */
  killEnvironment(functionName: string): boolean
  stats(): LambdaStats
  /** Goes on with the asynchronous events of an earlier run; call it when all functions are registered. */
  resumeAsync(): void
  /** Tells asynchronous retries that the clock was moved. */
  clockMoved(): void
  /** Kills every environment and waits until the processes have ended. */
  close(): Promise<void>
}

interface Work {
  requestId: string
  /** JSON text. */
  body: string
  traceHeader: string | null
}

interface Pool {
  fn: LocalFunction
  all: Set<Environment>
  /** The last one used comes first again, so that spare ones grow old and are recycled. */
  idle: { environment: Environment; recycle: NodeJS.Timeout }[]
  busy: number
  stats: Omit<FunctionStats, 'idle' | 'busy'>
}

export function createLambdaHost(options: LambdaHostOptions): LambdaHost {
  const { clock, warden, overlayEnv } = options
  const maxConcurrency = options.maxConcurrency ?? DEFAULT_MAX_CONCURRENCY
  const initLimitMs = options.initLimitMs ?? INIT_LIMIT_MS
  const idleLimitMs = options.idleLimitMs ?? IDLE_LIMIT_MS
  const log = createFunctionLog(options.dataDir, options.onLog)
  const alarms = createAlarms(clock)
  const pools = new Map<string, Pool>()
  /** All processes, those of replaced functions too. */
  const live = new Set<Environment>()
  const executions = new Set<Promise<unknown>>()
  let running = 0
  let closed = false

  const clockOffsetMs = () => clock.now() - Date.now()

  const poolOf = (functionName: string): Pool => {
    const pool = pools.get(functionName)
    if (!pool) {
      const message = `Function not found: ${functionArn(functionName)}`
      throw new AwsError('ResourceNotFoundException', message, 404)
    }
    return pool
  }

  const startEnvironment = async (pool: Pool): Promise<Environment> => {
    const environment = await Environment.start({
      fn: pool.fn,
      warden,
      overlayEnv,
      clockOffsetMs: clockOffsetMs(),
      requestLog: createRequestLog(log, pool.fn.name),
      onExit: () => {
        pool.all.delete(environment)
        const place = pool.idle.findIndex((entry) => entry.environment === environment)
        if (place >= 0) clearTimeout(pool.idle.splice(place, 1)[0]?.recycle)
      },
    })
    pool.all.add(environment)
    live.add(environment)
    void environment.gone.then(() => live.delete(environment))
    pool.stats.coldStarts++
    if (closed) environment.kill()
    return environment
  }

  /** A new environment with its init under way or, when that failed, how. */
  const coldStart = async (
    pool: Pool,
  ): Promise<{ environment: Environment; failure?: Outcome }> => {
    const environment = await startEnvironment(pool)
    const failure = await environment.initialise(initLimitMs)
    if (failure?.kind !== 'timeout') return { environment, ...(failure && { failure }) }
    // An init that takes longer is started again, then within the function's own timeout.
    // https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
    const second = await startEnvironment(pool)
    const secondFailure = await second.initialise(pool.fn.timeoutSeconds * 1000)
    return { environment: second, ...(secondFailure && { failure: secondFailure }) }
  }

  const putBack = (pool: Pool, environment: Environment) => {
    if (environment.ended) return
    const recycle = setTimeout(() => environment.kill(), idleLimitMs)
    recycle.unref()
    pool.idle.push({ environment, recycle })
  }

  const takeIdle = (pool: Pool): Environment | undefined => {
    const entry = pool.idle.pop()
    clearTimeout(entry?.recycle)
    return entry?.environment
  }

  const run = async (pool: Pool, work: Work, traceHeader: string): Promise<InvokeResult> => {
    const { fn, stats } = pool
    const { requestId, body } = work
    const idle = takeIdle(pool)
    const { environment, failure } = idle ? { environment: idle } : await coldStart(pool)
    const startedMs = performance.now()
    const outcome =
      failure ??
      (await environment.run(
        {
          requestId,
          functionArn: functionArn(fn.name),
          deadlineMs: clock.now() + fn.timeoutSeconds * 1000,
          clockOffsetMs: clockOffsetMs(),
          traceHeader,
          body,
        },
        fn.timeoutSeconds * 1000,
      ))
    const { result, status, lastLine } = endingOf(outcome, requestId, fn.timeoutSeconds)
    stats.invocations++
    if (result.functionError) stats.errors++
    stats.maxMemoryMb = Math.max(stats.maxMemoryMb, environment.maxMemoryMb)
    environment.requestLog.finish(
      {
        requestId,
        durationMs: performance.now() - startedMs,
        initDurationMs: idle ? undefined : environment.initDurationMs,
        memoryMb: fn.memoryMb,
        maxMemoryMb: environment.maxMemoryMb,
        ...(status && { status }),
      },
      lastLine && `${new Date(clock.now()).toISOString()} ${lastLine}`,
    )
    if (!status) putBack(pool, environment)
    return result
  }

  const execute = async (fn: LocalFunction, work: Work): Promise<InvokeResult> => {
    const pool = poolOf(fn.name)
    if (closed) throw closing()
    const chain = continueChain(work.traceHeader ?? undefined, fn.name, clock.now())
    if (chain.invocations >= MAX_INVOCATIONS_OF_CHAIN && pool.fn.recursiveLoop !== 'Allow') {
      pool.stats.recursiveInvocationsDropped++
      throw new AwsError('RecursiveInvocationException', RECURSION_MESSAGE)
    }
    const reserved = pool.fn.reservedConcurrency ?? maxConcurrency
    if (running >= maxConcurrency || pool.busy >= reserved) {
      pool.stats.throttles++
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429, {
        Reason:
          pool.busy >= reserved
            ? 'ReservedFunctionConcurrentInvocationLimitExceeded'
            : 'ConcurrentInvocationLimitExceeded',
      })
    }
    running++
    pool.busy++
    const execution = run(pool, work, chain.traceHeader)
    executions.add(execution)
    try {
      return await execution
    } finally {
      executions.delete(execution)
      running--
      pool.busy--
    }
  }

  const asyncInvoker = createAsyncInvoker({
    dataDir: options.dataDir,
    clock,
    alarms,
    queues: options.queues,
    findFunction: (functionName) => pools.get(functionName)?.fn,
    execute,
  })

  return {
    register: (fn) => {
      const replaced = pools.get(fn.name)
      for (const { environment } of replaced?.idle ?? []) environment.kill()
      pools.set(fn.name, {
        fn: { ...fn, codeDir: storeCode(options.dataDir, fn.name, fn.codeDir) },
        all: new Set(),
        idle: [],
        busy: 0,
        stats: { ...NOTHING_YET },
      })
    },
    invoke: async (functionName, payload, { signal, traceHeader } = {}) => {
      const { fn } = poolOf(functionName)
      signal?.throwIfAborted()
      const body = serialise(payload, SYNC_LIMIT_BYTES)
      const work = { requestId: randomUUID(), body, traceHeader: traceHeader ?? null }
      return await unlessAborted(execute(fn, work), signal)
    },
    invokeAsync: (functionName, payload, { traceHeader } = {}) => {
      const { fn } = poolOf(functionName)
      if (closed) throw closing()
      const body = serialise(payload, ASYNC_LIMIT_BYTES)
      return asyncInvoker.accept(fn.name, { requestId: randomUUID(), body, traceHeader })
    },
    resumeAsync: () => asyncInvoker.resume(),
    killEnvironment: (functionName) => {
      const { all, idle } = poolOf(functionName)
      const resting = new Set(idle.map(({ environment }) => environment))
      const victim = [...all].find((environment) => !resting.has(environment)) ?? [...all][0]
      victim?.kill()
      return victim !== undefined
    },
    stats: () => ({
      running,
      functions: Object.fromEntries(
        [...pools].map(([name, { idle, busy, stats }]) => [
          name,
          { idle: idle.length, busy, ...stats },
        ]),
      ),
    }),
    clockMoved: () => alarms.clockMoved(),
    close: async () => {
      closed = true
      alarms.close()
      const asyncClosed = asyncInvoker.close()
      for (const environment of live) environment.kill()
      // An execution may just be starting its environment, which is then killed at once.
      await Promise.allSettled(executions)
      await Promise.all([...live].map(({ gone }) => gone))
      await asyncClosed
      log.close()
    },
  }
}

const closing = (): AwsError => new AwsError('ServiceException', 'The local cloud is closing', 500)

function serialise(payload: unknown, limitBytes: number): string {
  const body = JSON.stringify(payload) ?? 'null'
  if (Buffer.byteLength(body) > limitBytes) {
    throw new AwsError(
      'RequestEntityTooLargeException',
      `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`,
      413,
    )
  }
  return body
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
