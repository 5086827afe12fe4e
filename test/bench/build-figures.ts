/** What the build made: sizes, and what loading a function costs before its first request. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { FUNCTION_NAMES } from '../../infra/constructs/function-list.ts'
import { API_FUNCTION_NAMES } from '../../infra/constructs/routes.ts'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { type Figure, median } from './figure.ts'

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

/** Import of each API handler over a bare one, medians of processes of their own. */
export async function measureImports(stage: BuiltStage): Promise<Figure[]> {
  const bare = join(dirname(stage.assemblyDir), 'bare.cjs')
  writeFileSync(bare, 'exports.handler = async () => ({})\n')
  const bareMs = importMs(bare)
  return API_FUNCTION_NAMES.map((name) => ({
    name: `import of ${name} over bare`,
    value: importMs(bundleFile(stage, name)) - bareMs,
    unit: 'ms',
    atMost: 100,
  }))
}

function importMs(file: string): number {
  // Bundles are CommonJS; evaluating the text keeps Node from asking the nearest package.json.
  const script = `
    const { readFileSync } = require('node:fs')
    const t = performance.now()
    new (require('node:module'))('bundle')._compile(readFileSync(${JSON.stringify(file)}, 'utf8'), '/bundle.js')
    process.stdout.write(String(performance.now() - t))`
  const env = {
    ...Object.fromEntries(Object.values(ENV).map((name) => [name, 'https://example.com/x'])),
    [ENV.signUp]: 'open',
    [ENV.workSliceSeconds]: '180',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
  }
  const times = Array.from({ length: RUNS }, () => {
    const run = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' })
    if (run.status !== 0) throw new Error(run.stderr)
    return Number(run.stdout)
  })
  return median(times)
}

/** Everything that a page loads before it shows something. */
export async function measurePages(stage: BuiltStage): Promise<Figure[]> {
  return [
    { name: 'portal page', file: 'portal.html', atMost: 30 },
    { name: 'dashboard, first load', file: 'index.html', atMost: 200 },
  ].map(({ name, file, atMost }) => ({
    name: `JavaScript of the ${name}`,
    value:
      loadedScripts(stage.siteDir, file).reduce((sum, script) => sum + gzipBytes(script), 0) / 1000,
    unit: 'KB gz',
    atMost,
  }))
}

/** Scripts and preloads that the HTML names, and what they import at once. */
function loadedScripts(siteDir: string, page: string): string[] {
  const assets = readdirSync(join(siteDir, 'assets'))
  const found = new Set<string>()
  const follow = (text: string) => {
    for (const [, asset] of text.matchAll(
      /(?:src|href)="\/assets\/([^"]+\.js)"|(?:from|import)\s*"\.\/([^"]+\.js)"/g,
    )) {
      if (asset && assets.includes(asset) && !found.has(asset)) {
        found.add(asset)
        follow(readFileSync(join(siteDir, 'assets', asset), 'utf8'))
      }
    }
  }
  follow(readFileSync(join(siteDir, page), 'utf8'))
  return [...found].map((asset) => join(siteDir, 'assets', asset))
}

function gzipBytes(file: string): number {
  return gzipSync(readFileSync(file), { level: 9 }).length
}
