/** What the build made: sizes, and what loading a function costs before its first request. */
import { spawnSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FUNCTION_NAMES } from '../../infra/constructs/function-list.ts'
import { API_FUNCTION_NAMES } from '../../infra/constructs/routes.ts'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { everyVariable } from '../support/every-variable.ts'
import type { Figure } from './figure.ts'
import { withTempDir } from './temp-dir.ts'

const RUNS = 9
const API_KB = 500
const WORKER_KB = 950

function bundleFile(stage: BuiltStage, name: string): string {
  return join(dirname(stage.assemblyDir), 'functions', name, 'index.js')
}

export async function measureBundles(stage: BuiltStage): Promise<Figure[]> {
  return FUNCTION_NAMES.map((name) => ({
    name: `bundle of ${name}`,
    value: statSync(bundleFile(stage, name)).size / 1000,
    unit: 'KB',
    atMost: API_FUNCTION_NAMES.some((api) => api === name) ? API_KB : WORKER_KB,
  }))
}

/** Import of each API handler over a bare one, in processes of their own that take turns. */
export async function measureImports(stage: BuiltStage): Promise<Figure[]> {
  return withTempDir(async (dir) => {
    const bare = join(dir, 'bare.cjs')
    writeFileSync(bare, 'exports.handler = async () => ({})\n')
    return API_FUNCTION_NAMES.map((name) => {
      const rounds = Array.from({ length: RUNS }, () => ({
        bareMs: importMs(bare),
        fullMs: importMs(bundleFile(stage, name)),
      }))
      // Other work on the machine only ever adds.
      const bareMs = Math.min(...rounds.map((round) => round.bareMs))
      const over = rounds.map(({ fullMs }) => fullMs - bareMs)
      return {
        name: `import of ${name} over bare`,
        value: Math.min(...over),
        range: [Math.min(...over), Math.max(...over)],
        unit: 'ms',
        atMost: 100,
        terms: `least of ${RUNS} processes; bare ${bareMs.toFixed(2)} ms`,
      }
    })
  })
}

function importMs(file: string): number {
  // Bundles are CommonJS; evaluating the text keeps Node from asking the nearest package.json.
  const script = `
    const { readFileSync } = require('node:fs')
    const t = performance.now()
    new (require('node:module'))('bundle')._compile(readFileSync(${JSON.stringify(file)}, 'utf8'), '/bundle.js')
    process.stdout.write(String(performance.now() - t))`
  const env = {
    ...everyVariable(),
    [ENV.signUp]: 'open',
    [ENV.workSliceSeconds]: '180',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
  }
  const run = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return Number(run.stdout)
}
