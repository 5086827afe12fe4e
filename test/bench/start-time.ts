/** From `npm start` on an installed clone, nothing built, until the status says ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from './figure.ts'
import { withTempDir } from './temp-dir.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** What `npm start` needs; `node_modules` is shared, everything else is this clone's own. */
const SOURCES = [
  'cdk.json',
  'functions',
  'infra',
  'package-lock.json',
  'package.json',
  'shared',
  'tsconfig.json',
  'vite.config.ts',
  'web',
]
const FIRST_PORT = 29_000
const PORT_RANGES = 500
const PORTS_IN_A_ROW = 4
const TARGET_SECONDS = 20
const LIMIT_MS = 180_000

export async function measureStart(): Promise<Figure[]> {
  return withTempDir(async (clone) => {
    for (const source of SOURCES) {
      await cp(join(ROOT, source), join(clone, source), { recursive: true })
    }
    await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'))
    const first = await secondsToReady(clone)
    const again = await secondsToReady(clone)
    return [
      {
        name: '`npm start` on an installed clone to ready',
        value: first,
        unit: 's',
        atMost: TARGET_SECONDS,
        terms: 'builds pages, functions and stacks, starts everything, makes the demo',
      },
      { name: '`npm start` again, built before', value: again, unit: 's' },
    ]
  })
}

async function secondsToReady(clone: string): Promise<number> {
  const port = FIRST_PORT + (process.pid % PORT_RANGES) * PORTS_IN_A_ROW
  const startedAt = performance.now()
  const child = spawn('npm', ['start', '--', '--port', String(port)], {
    cwd: clone,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`)
      if (performance.now() - startedAt > LIMIT_MS) throw new Error('npm start is never ready')
      await sleep(50)
    }
    return (performance.now() - startedAt) / 1000
  } finally {
    child.kill('SIGTERM')
    await exited
    while (await isAnswering(port)) await sleep(50)
  }
}

async function isReady(port: number): Promise<boolean> {
  return (await status(port)) === 200
}

async function isAnswering(port: number): Promise<boolean> {
  return (await status(port)) !== undefined
}

async function status(port: number): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/_local/status`)
    await response.body?.cancel()
    return response.status
  } catch {
    // Nothing listens.
    return undefined
  }
}
