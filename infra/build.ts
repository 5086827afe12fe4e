/**
 * Builds everything that is deployed into `dist/`: `functions/<name>/index.js`, one CommonJS bundle
 * per function of `function-list.ts`, and `site/`, the two pages with their assets.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { build as bundle, type Metafile } from 'esbuild'
import { build as buildPage } from 'vite'
import { FUNCTION_NAMES, FUNCTIONS } from './constructs/function-list.ts'
import { leanBundles } from './lean-bundles.ts'

interface BuildOptions {
  /** `dist/` of the repository. */
  outDir: string
  /** Where `functions/` and `web/` are. */
  root?: string
}

const ROOT = join(import.meta.dirname, '..')

const UNUSED_STAND_IN = join(import.meta.dirname, 'unused-in-bundles.ts')
const UNUSED = [
  'google-auth-library',
  'node-fetch',
  '@smithy/core/event-streams',
  '@aws-sdk/endpoint-cache',
]

/** The pages, by Vite mode: `vite.config.ts`. */
const PAGES = ['dashboard', 'portal'] as const

export class MissingSourceError extends Error {
  override name = 'MissingSourceError' as const
}

export async function buildAll(options: BuildOptions): Promise<void> {
  await Promise.all([buildFunctions(options), buildPages(options)])
}

/** CommonJS loads faster than a module at a cold start: `node:http` is required, not imported. */
export async function buildFunctions({ outDir, root = ROOT }: BuildOptions): Promise<Metafile> {
  const entries = FUNCTION_NAMES.map((name) => ({ name, file: FUNCTIONS[name].handler }))
  refuseMissing(root, entries)
  const functionsDir = join(outDir, 'functions')
  await removeUnknown(functionsDir)
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: entries.map(({ name, file }) => ({ in: file, out: `${name}/index` })),
    outdir: functionsDir,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // `import('node:http')` reads each of its exports and so loads all of fetch; `require` does not.
    supported: { 'dynamic-import': false },
    // With `main` alone esbuild takes the CommonJS build of the SDK and cannot shake it.
    mainFields: ['module', 'main'],
    alias: {
      '@aws-sdk/credential-provider-node': join(import.meta.dirname, 'env-credentials.ts'),
      ...Object.fromEntries(UNUSED.map((name) => [name, UNUSED_STAND_IN])),
    },
    plugins: [leanBundles],
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  await writeFile(join(outDir, 'functions.meta.json'), JSON.stringify(metafile))
  return metafile
}

export async function buildPages({ outDir, root = ROOT }: BuildOptions): Promise<void> {
  refuseMissing(
    root,
    PAGES.map((name) => ({ name, file: `web/${name}/index.html` })),
  )
  const siteDir = join(outDir, 'site')
  await rm(siteDir, { recursive: true, force: true })
  // Where a test runner builds, NODE_ENV is `test`, and React would come with all its warnings.
  const nodeEnv = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    for (const mode of PAGES) {
      await buildPage({
        configFile: join(ROOT, 'vite.config.ts'),
        mode,
        root: join(root, 'web', mode),
        logLevel: 'warn',
        build: { outDir: siteDir },
      })
    }
  } finally {
    if (nodeEnv === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = nodeEnv
  }
}

function refuseMissing(root: string, sources: { name: string; file: string }[]): void {
  const missing = sources.filter(({ file }) => !existsSync(join(root, file)))
  if (missing.length === 0) return
  const list = missing.map(({ name, file }) => `${file} (${name})`).join(', ')
  throw new MissingSourceError(`Nothing can be built without ${list}`)
}

/** A function that was renamed must not be deployed from an old bundle. */
async function removeUnknown(functionsDir: string): Promise<void> {
  await mkdir(functionsDir, { recursive: true })
  const known = new Set<string>(FUNCTION_NAMES)
  for (const name of await readdir(functionsDir)) {
    if (!known.has(name)) await rm(join(functionsDir, name), { recursive: true })
  }
}

if (import.meta.main) {
  const outDir = join(ROOT, 'dist')
  const startedAt = performance.now()
  await buildAll({ outDir })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`Built ${relative(process.cwd(), outDir) || outDir} in ${seconds} s`)
}
