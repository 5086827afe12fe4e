/**
 * One execution environment: a child process that runs aws-lambda-ric's loop and handles one
 * request at a time. It is stopped whenever it waits for work, as Lambda freezes it, so that a
 * forgotten await or a background timer misbehaves here too.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AwsError, LOCAL_REGION } from '../engine.ts'
import type { RequestLog } from './function-log.ts'
import type { LocalFunction } from './invocation.ts'
import { type Invocation, type RuntimeApi, startRuntimeApi } from './runtime-api.ts'
import type { Warden } from './warden.ts'

/** How a piece of work, initialising included, ended. */
export type Outcome =
  | { kind: 'response' | 'error' | 'init-error'; body: Buffer }
  | { kind: 'exit'; reason: string }
  | { kind: 'timeout' }
  | { kind: 'memory' }

export interface EnvironmentOptions {
  fn: LocalFunction
  warden: Warden
  overlayEnv: Record<string, string>
  clockOffsetMs: number
  requestLog: RequestLog
  /** The process has ended. */
  onExit: () => void
}

const RUNTIME_CLIENT = createRequire(import.meta.url).resolve('aws-lambda-ric')
const PRELOAD = fileURLToPath(new URL('./preload.cjs', import.meta.url))
// Often enough to catch a leak within a few allocations, rarely enough to cost nothing.
const MEMORY_POLL_MS = 100
const KIB_PER_MIB = 1024

/** Reads `VmRSS` (now) and `VmHWM` (peak) of a process; undefined off Linux and once it has ended. */
function residentMb(pid: number, field: 'VmRSS' | 'VmHWM'): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) / KIB_PER_MIB
  } catch {
    // The process ended between two polls; its exit is reported by its own event.
    return undefined
  }
}

export class Environment {
  /** Invocations it has taken; the first one's report carries the init duration. */
  invocations = 0
  initDurationMs = 0
  maxMemoryMb = 0
  /** Resolves when the process and its pipes have ended; nothing is logged after that. */
  readonly gone: Promise<void>
  readonly #options: EnvironmentOptions
  readonly #child: ChildProcess
  readonly #api: RuntimeApi
  #exit: string | undefined
  #asksForWork = false
  /** Set while somebody waits for the runtime to ask for work. */
  #onReady: (() => void) | undefined
  /** Set while work is under way. */
  #settle: ((outcome: Outcome) => void) | undefined

  static async start(options: EnvironmentOptions): Promise<Environment> {
    let environment: Environment | undefined
    const settle = (outcome: Outcome) => {
      if (environment) environment.#settle?.(outcome)
    }
    const api = await startRuntimeApi({
      onNext: () => {
        if (environment) environment.#onNext()
      },
      onAnswer: (_requestId, kind, body) => settle({ kind, body }),
      onInitError: (body) => settle({ kind: 'init-error', body }),
    })
    try {
      environment = new Environment(options, api)
    } catch (error) {
      api.close()
      // Lambda's own failure, not the function's: callers try again as after any 5xx.
      throw new AwsError('ServiceException', `No environment could start: ${String(error)}`, 500)
    }
    return environment
  }

  private constructor(options: EnvironmentOptions, api: RuntimeApi) {
    this.#options = options
    this.#api = api
    const { fn, warden } = options
    this.#child = spawn(
      process.execPath,
      [
        // Lambda sizes V8's heap from the function's memory; Node would size it from the machine's.
        `--max-semi-space-size=${Math.max(1, Math.floor(fn.memoryMb * 0.05))}`,
        `--max-old-space-size=${Math.floor(fn.memoryMb * 0.9)}`,
        '--require',
        PRELOAD,
        RUNTIME_CLIENT,
      ],
      {
        cwd: fn.codeDir,
        env: { ...environmentVariables(options, api.address) },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A process group of its own: Ctrl-C reaches the runner, which then closes in order.
        detached: true,
      },
    )
    const { pid, stdout, stderr } = this.#child
    if (pid !== undefined) warden.watch(pid)
    for (const stream of [stdout, stderr]) {
      if (stream) createInterface({ input: stream }).on('line', options.requestLog.line)
    }
    this.#child.once('error', (error) => this.#onExit(error.message))
    this.#child.once('exit', (code, signal) =>
      this.#onExit(signal ? `signal: ${signalName(signal)}` : `exit status ${code}`),
    )
    this.gone = new Promise((resolve) => {
      const end = () =>
        setImmediate(() => {
          options.requestLog.end()
          resolve()
        })
      // After `exit`, its pipes may still hold lines. What never started may never close.
      this.#child.once(pid === undefined ? 'error' : 'close', end)
    })
  }

  get requestLog(): RequestLog {
    return this.#options.requestLog
  }

  get ended(): boolean {
    return this.#exit !== undefined
  }

  /** Waits until the handler's module is loaded; undefined when that went well. */
  async initialise(limitMs: number): Promise<Outcome | undefined> {
    const startedMs = performance.now()
    const outcome = await this.#work(limitMs, (done) => {
      this.#whenReady(() => done(undefined))
    })
    this.initDurationMs = performance.now() - startedMs
    return outcome
  }

  /** Hands the work to the runtime and waits for its answer, for at most `limitMs`. */
  async run(invocation: Invocation, limitMs: number): Promise<Outcome> {
    this.invocations++
    const outcome = await this.#work(limitMs, () => {
      this.#whenReady(() => {
        this.#signal('SIGCONT')
        this.#asksForWork = false
        this.#options.requestLog.start(invocation.requestId)
        this.#api.deliver(invocation)
      })
    })
    return outcome ?? { kind: 'exit', reason: 'exit status 0' }
  }

  kill(): void {
    this.#signal('SIGKILL')
  }

  async #work(
    limitMs: number,
    begin: (done: (outcome: undefined) => void) => void,
  ): Promise<Outcome | undefined> {
    const { promise, resolve } = Promise.withResolvers<Outcome | undefined>()
    this.#settle = resolve
    const timer = setTimeout(() => resolve({ kind: 'timeout' }), limitMs)
    const poll = setInterval(() => {
      const { fn } = this.#options
      if ((residentMb(this.#child.pid ?? 0, 'VmRSS') ?? 0) > fn.memoryMb)
        resolve({ kind: 'memory' })
    }, MEMORY_POLL_MS)
    if (this.#exit === undefined) begin(resolve)
    else resolve({ kind: 'exit', reason: this.#exit })

    const outcome = await promise
    clearTimeout(timer)
    clearInterval(poll)
    this.#settle = undefined
    this.#onReady = undefined
    this.maxMemoryMb = residentMb(this.#child.pid ?? 0, 'VmHWM') ?? this.maxMemoryMb
    // Lambda gives a failed sandbox no second request.
    if (outcome && outcome.kind !== 'response' && outcome.kind !== 'error') this.kill()
    return outcome
  }

  #whenReady(ready: () => void): void {
    if (this.#asksForWork) ready()
    else this.#onReady = ready
  }

  #onNext(): void {
    // Lines that were written before this request are read in the same turn of the loop.
    setImmediate(() => {
      this.#asksForWork = true
      this.#options.requestLog.end()
      const ready = this.#onReady
      this.#onReady = undefined
      if (ready) ready()
      else this.#signal('SIGSTOP')
    })
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal)
  }

  #onExit(reason: string): void {
    if (this.#exit !== undefined) return
    this.#exit = reason
    if (this.#child.pid !== undefined) this.#options.warden.release(this.#child.pid)
    this.#api.close()
    this.#settle?.({ kind: 'exit', reason })
    this.#options.onExit()
  }
}

/** `killed` for SIGKILL, as Lambda's Go supervisor prints it. */
function signalName(signal: NodeJS.Signals): string {
  const names: Partial<Record<NodeJS.Signals, string>> = {
    SIGKILL: 'killed',
    SIGABRT: 'aborted',
    SIGTERM: 'terminated',
    SIGSEGV: 'segmentation fault',
  }
  return names[signal] ?? signal
}

/**
 * The template's variables, those that Lambda reserves, and the overlay; never the developer's own.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
function environmentVariables(
  { fn, overlayEnv, clockOffsetMs }: EnvironmentOptions,
  runtimeApi: string,
): Record<string, string> {
  return {
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...fn.environment,
    ...overlayEnv,
    AWS_ACCESS_KEY_ID: fn.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fn.credentials.secretAccessKey,
    AWS_SESSION_TOKEN: fn.credentials.sessionToken,
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local/[$LATEST]',
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: fn.codeDir,
    TZ: ':UTC',
    _HANDLER: fn.handler,
    _LAMBDA_CLOCK_OFFSET_MS: String(Math.round(clockOffsetMs)),
  }
}
