import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildFunctions } from '../../infra/build.ts'
import { FUNCTION_NAMES, type FunctionName } from '../../infra/constructs/function-list.ts'
import { API_FUNCTION_NAMES } from '../../infra/constructs/routes.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { everyVariable } from '../support/every-variable.ts'

const isApi = (name: FunctionName) => API_FUNCTION_NAMES.some((api) => api === name)
const bundles = FUNCTION_NAMES.map((name) => ({ name, mostBytes: isApi(name) ? 500e3 : 950e3 }))

let outDir: string
let outputs: Map<string, Metafile['outputs'][string]>

beforeAll(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'portage-bundles-'))
  const { outputs: files } = await buildFunctions({ outDir })
  outputs = new Map(Object.entries(files).map(([path, output]) => [bundleName(path), output]))
  return () => rm(outDir, { recursive: true })
})

/** Of `…/functions/{name}/index.js`; maps beside it have none. */
function bundleName(path: string): string {
  return /functions\/([^/]+)\/index\.js$/.exec(path)?.[1] ?? path
}

function inputsOf(name: string): string[] {
  const { inputs = {} } = outputs.get(name) ?? {}
  return Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput ? path : []))
}

describe.each(bundles)('the bundle of $name', ({ name, mostBytes }) => {
  test(`weighs at most ${mostBytes / 1000} KB`, () => {
    expect(outputs.get(name)?.bytes).toBeGreaterThan(100e3)
    expect(outputs.get(name)?.bytes).toBeLessThanOrEqual(mostBytes)
  })

  test('speaks English only, and holds no catalogue of APIs, tracer or code of one machine', () => {
    const inputs = inputsOf(name)
    expect(inputs.length).toBeGreaterThan(100)
    // `import { z }` brings all fifty languages in.
    expect(inputs.filter((path) => /\/zod\/.*\/locales\/(?!en\.js)/.test(path))).toEqual([])
    expect(inputs.filter((path) => path.includes('googleapis/build/src/index'))).toEqual([])
    expect(inputs.filter((path) => path.includes('aws-xray'))).toEqual([])
    expect(inputs.filter((path) => path.startsWith('infra/local/'))).toEqual([])
    // The table of all endpoints is for documents and tests.
    expect(inputs.filter((path) => /shared\/contract\/routes?[/.]/.test(path))).toEqual([])
    const sdks = /node_modules\/(googleapis\/|dropbox\/es\/(lib\/|src\/dropbox))/
    expect(inputs.filter((path) => isApi(name) && sdks.test(path))).toEqual([])
  })
})

/**
 * What an API function may take to load over one that does nothing, in milliseconds of CPU where
 * Node itself starts with 20. Where Node takes longer, the function may as well.
 */
const MOST_CPU_MS = 100
const NODE_START_CPU_MS = 20
const ROUNDS = 12

test.each(API_FUNCTION_NAMES)(
  '%s is loaded soon after a cold start',
  async (name) => {
    const bare = join(outDir, 'bare.js')
    await writeFile(bare, 'exports.handler = async () => ({})\n')
    const rounds: number[] = []
    do {
      const idle = load(bare)
      const loaded = load(join(outDir, 'functions', name, 'index.js'))
      const speed = Math.min(1, NODE_START_CPU_MS / idle.startMs)
      rounds.push((loaded.importMs - idle.importMs) * speed)
      // The least of several: whatever else the machine does can only add to it.
    } while (Math.min(...rounds) > MOST_CPU_MS && rounds.length < ROUNDS)

    expect(Math.min(...rounds)).toBeGreaterThan(5)
    expect(Math.min(...rounds)).toBeLessThanOrEqual(MOST_CPU_MS)
  },
  120_000,
)

const LOAD_SCRIPT = `
  const { cpuUsage } = process
  const ms = ({ user, system }) => (user + system) / 1000
  const start = cpuUsage()
  require(process.argv[1])
  process.stdout.write(JSON.stringify({ startMs: ms(start), importMs: ms(cpuUsage(start)) }))`

/** Loads a bundle in a process of its own, with the variables of its function. */
function load(file: string): { startMs: number; importMs: number } {
  const env = {
    ...everyVariable(),
    [ENV.signUp]: 'open',
    [ENV.workSliceSeconds]: '180',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
  }
  const run = spawnSync(process.execPath, ['-e', LOAD_SCRIPT, file], { env, encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return JSON.parse(run.stdout)
}
