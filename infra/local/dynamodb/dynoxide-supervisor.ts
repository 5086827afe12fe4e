import { setTimeout as delay } from 'node:timers/promises'
import { AwsError } from '../engine.ts'
import { type DynoxideProcess, type ProcessWarden, startDynoxide } from './dynoxide-process.ts'
import { tendStreams } from './stream-upkeep.ts'

/** One that dies again so soon after its start is not started again at once. */
const RESTART_PAUSE_MS = 250

interface DatabaseOptions {
  dataDir: string | undefined
  warden: ProcessWarden
}

async function startTended(options: DatabaseOptions): Promise<DynoxideProcess> {
  const started = await startDynoxide(options)
  if (options.dataDir !== undefined) tendStreams(options.dataDir)
  return started
}

/** Keeps dynoxide running: one that dies is started again on its file. */
export class DynoxideSupervisor {
  readonly #options: DatabaseOptions
  #current: Promise<DynoxideProcess>
  #pid: number
  #startedAtMs = performance.now()
  #closing = false

  static async start(options: DatabaseOptions): Promise<DynoxideSupervisor> {
    return new DynoxideSupervisor(options, await startTended(options))
  }

  private constructor(options: DatabaseOptions, first: DynoxideProcess) {
    this.#options = options
    this.#pid = first.pid
    this.#current = Promise.resolve(first)
    this.#watch(first)
  }

  get pid(): number {
    return this.#pid
  }

  /** Where it listens; a call during a restart waits for its end. */
  async port(): Promise<number> {
    return (await this.#current).port
  }

  async close(): Promise<void> {
    this.#closing = true
    const running = await this.#current.catch(() => undefined)
    await running?.close()
  }

  #watch(running: DynoxideProcess): void {
    void running.ended.then(() => {
      if (this.#closing) return
      this.#current = this.#restart()
      // Every caller hears of the failure; nobody may be there to hear of it now.
      this.#current.catch(() => undefined)
    })
  }

  async #restart(): Promise<DynoxideProcess> {
    if (this.#options.dataDir === undefined) {
      throw new AwsError('InternalServerError', 'The database in memory has ended', 500)
    }
    const pauseMs = this.#startedAtMs + RESTART_PAUSE_MS - performance.now()
    if (pauseMs > 0) await delay(pauseMs)
    this.#startedAtMs = performance.now()
    const started = await startTended(this.#options)
    this.#pid = started.pid
    this.#watch(started)
    return started
  }
}
