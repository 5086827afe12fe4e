/** `npm start` as a process of its own, to be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'

const START = join(import.meta.dirname, '..', '..', 'infra', 'local', 'start.ts')
const FIRST_PORT = 20_000
const PORT_RANGES = 2000
const PORTS_IN_A_ROW = 4
const START_TIMEOUT_MS = 30_000

export interface Runner {
  process: ChildProcess
  port: number
  app: string
  /** Everything that it printed. */
  output(): string
}

/** A range that this process alone uses; parallel test processes have others. */
export function choosePort(): number {
  return FIRST_PORT + (process.pid % PORT_RANGES) * PORTS_IN_A_ROW
}

export async function startRunner(
  dataDir: string,
  port: number,
  args: string[] = [],
): Promise<Runner> {
  const app = `http://127.0.0.1:${port}`
  const child = spawn(
    process.execPath,
    [START, '--port', String(port), '--data', dataDir, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const isReady = () => {
    if (child.exitCode !== null) throw new Error(`npm start ended:\n${output}`)
    return output.includes('Portage is ready')
  }
  try {
    await until(isReady, { timeoutMs: START_TIMEOUT_MS })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { process: child, port, app, output: () => output }
}

/** `kill -9`, as an out-of-memory killer does it; one that has ended stays so. */
export async function killRunner({ process: child }: Runner): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Processes whose command line or environment names the folder. */
export function processesOf(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => ['cmdline', 'environ'].some((file) => names(name, file, dataDir)))
    .map(Number)
}

function names(pid: string, file: string, dataDir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dataDir)
  } catch {
    // The process has ended meanwhile, or it is not ours to look into.
    return false
  }
}
