import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

/** Ends the given processes when this one dies, even by a signal that cannot be caught. */
export interface ProcessWarden {
  watch(pid: number): void
  release(pid: number): void
}

export interface DynoxideProcess {
  port: number
  pid: number
  /** Resolves when the process has ended, whatever ended it. */
  ended: Promise<void>
  close(): Promise<void>
}

export const DATABASE_FILE = 'dynamodb.db'
/** It listens 5 to 17 ms after its start; a machine under load may take far longer. */
const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 2_000
/** Another process may take the port between its choice and its use. */
const PORT_ATTEMPTS = 5

/** Starts dynoxide on a free port of 127.0.0.1; without `dataDir` the database is in memory. */
export async function startDynoxide(options: {
  dataDir: string | undefined
  warden: ProcessWarden
  binary?: string
}): Promise<DynoxideProcess> {
  const binary = options.binary ?? findDynoxide()
  const database: string[] = []
  if (options.dataDir !== undefined) {
    mkdirSync(options.dataDir, { recursive: true })
    database.push('--db-path', join(options.dataDir, DATABASE_FILE))
  }
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const child = spawn(
      binary,
      ['serve', '--host', '127.0.0.1', '--port', String(port), ...database],
      { env: {}, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const pid = child.pid
    if (pid !== undefined) options.warden.watch(pid)
    const failure = await listening(child, port)
    if (failure === undefined && pid !== undefined) {
      return running(child, pid, port, options.warden)
    }
    child.kill('SIGKILL')
    if (pid !== undefined) options.warden.release(pid)
    if (!/already in use/.test(failure ?? '') || attempt === PORT_ATTEMPTS) {
      throw new Error(`dynoxide did not start: ${failure ?? 'no process'}`)
    }
  }
}

type DynoxideChild = ChildProcessByStdio<null, Readable, Readable>

/**
 * Waits for the child's own line that it listens: a foreign server on the port could not print it.
 * Answers what went wrong, undefined when nothing did.
 */
async function listening(child: DynoxideChild, port: number): Promise<string | undefined> {
  let output = ''
  return await new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve(`it does not listen after ${START_TIMEOUT_MS} ms. ${output}`),
      START_TIMEOUT_MS,
    )
    const settle = (failure: string | undefined): void => {
      clearTimeout(timer)
      resolve(failure)
    }
    // It tells on its standard error, whatever it tells.
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-2_000)
        if (output.includes(`listening on http://127.0.0.1:${port}`)) settle(undefined)
      })
    }
    child.once('error', (error) => settle(error.message))
    child.once('close', (code, signal) =>
      settle(`it ended with ${code ?? signal}. ${output.trim()}`),
    )
  })
}

function running(
  child: DynoxideChild,
  pid: number,
  port: number,
  warden: ProcessWarden,
): DynoxideProcess {
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      warden.release(pid)
      resolve()
    })
    // It may have ended between its line and this one.
    if (child.exitCode !== null || child.signalCode !== null) resolve()
  })
  return {
    port,
    pid,
    ended,
    async close() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await ended
      clearTimeout(force)
    },
  }
}

/** The binary of this platform's package, or the one that `DYNOXIDE_BIN` names. */
function findDynoxide(): string {
  const named = process.env['DYNOXIDE_BIN']
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named
    throw new Error(`DYNOXIDE_BIN names ${named}, which does not exist.`)
  }
  const name = `@dynoxide/${process.platform}-${process.arch}`
  const manifest = resolveManifest(`${name}/package.json`)
  if (manifest === undefined) {
    throw new Error(
      `The local database needs dynoxide, and the package ${name} is not installed. ` +
        'Build dynoxide 1.2.1 from https://github.com/nubo-db/dynoxide and name its binary in DYNOXIDE_BIN.',
    )
  }
  const executable = process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide'
  return join(manifest, '..', executable)
}

function resolveManifest(request: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(request)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw cause
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
