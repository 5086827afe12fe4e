/**
 * The stage `local`, built and synthesized once for each state of the sources. Everything lies in
 * `dist/local/<hash>/`, which appears whole or not at all, so that runners and test runs that start
 * at the same time cannot disturb each other.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

export interface BuiltStage {
  hash: string
  /** Cloud assembly of the stage. */
  assemblyDir: string
  /** Built pages. */
  siteDir: string
  /** False when the sources were built before. */
  wasBuilt: boolean
}

const ROOT = join(import.meta.dirname, '..', '..')
/** What decides how the stage comes out; the local cloud itself is not part of it. */
const SOURCES = [
  'cdk.json',
  'functions',
  'infra',
  'package-lock.json',
  'package.json',
  'shared',
  'vite.config.ts',
  'web',
]
const IGNORED = new Set(['infra/local', 'node_modules'])
/** A branch and the one it is compared with; older builds are removed. */
const KEPT_BUILDS = 3
const HASH_LENGTH = 16
const UNFINISHED = '.unfinished-'
/** No build takes that long: whoever began it was killed. */
const ABANDONED_MS = 3_600_000

export async function ensureBuiltStage(
  onProgress: (step: string) => void = () => undefined,
): Promise<BuiltStage> {
  const buildsDir = join(ROOT, 'dist', 'local')
  const hash = await hashSources()
  const directory = join(buildsDir, hash)
  const stage = {
    hash,
    assemblyDir: join(directory, 'assembly'),
    siteDir: join(directory, 'site'),
  }
  if (existsSync(directory)) {
    const now = new Date()
    await utimes(directory, now, now)
    return { ...stage, wasBuilt: false }
  }
  const unfinished = join(buildsDir, `${UNFINISHED}${randomBytes(6).toString('hex')}`)
  await mkdir(unfinished, { recursive: true })
  try {
    await build(unfinished, onProgress)
    await moveInPlace(unfinished, directory)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  await removeOldBuilds(buildsDir)
  return { ...stage, wasBuilt: true }
}

/** Hash over names and contents of all sources. */
async function hashSources(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of SOURCES) await addToHash(source)
  return hash.digest('hex').slice(0, HASH_LENGTH)

  async function addToHash(path: string): Promise<void> {
    const file = join(ROOT, path)
    if (IGNORED.has(path) || !existsSync(file)) return
    if ((await stat(file)).isDirectory()) {
      for (const name of (await readdir(file)).sort()) {
        if (!IGNORED.has(name)) await addToHash(`${path}/${name}`)
      }
      return
    }
    hash
      .update(`${path}\0`)
      .update(await readFile(file))
      .update('\0')
  }
}

async function build(outDir: string, onProgress: (step: string) => void): Promise<void> {
  // Bundlers take half a second to load, which a start of unchanged sources does not need.
  const [{ buildFunctions, buildPages }, { synthesize }] = await Promise.all([
    import('../build.ts'),
    import('../synthesize.ts'),
  ])
  const pages = async (): Promise<void> => {
    await buildPages({ outDir })
    onProgress('Pages are built')
  }
  // The stacks hold the functions only, so they need not wait for the pages.
  const stacks = async (): Promise<void> => {
    await buildFunctions({ outDir })
    onProgress('Functions are built')
    await synthesize({
      stage: 'local',
      context: { functionsDir: join(outDir, 'functions') },
      outdir: join(outDir, 'assembly'),
    })
    onProgress('Stacks are synthesized')
  }
  const outcomes = await Promise.allSettled([pages(), stacks()])
  const failure = outcomes.find(({ status }) => status === 'rejected')
  if (failure?.status === 'rejected') throw failure.reason
}

/** Another process may have built the same sources meanwhile; its build is as good. */
async function moveInPlace(unfinished: string, directory: string): Promise<void> {
  try {
    await rename(unfinished, directory)
  } catch (error) {
    if (!existsSync(directory)) throw error
  }
}

async function removeOldBuilds(buildsDir: string): Promise<void> {
  const names = await readdir(buildsDir)
  const all = await Promise.all(names.map((name) => lastUsed(buildsDir, name)))
  const found = all.filter((build) => build !== undefined)
  const builds = found.filter(({ name }) => !name.startsWith(UNFINISHED))
  builds.sort((a, b) => b.usedMs - a.usedMs)
  const abandoned = found.filter(
    ({ name, usedMs }) => name.startsWith(UNFINISHED) && usedMs < Date.now() - ABANDONED_MS,
  )
  for (const { name } of [...builds.slice(KEPT_BUILDS), ...abandoned]) {
    await rm(join(buildsDir, name), { recursive: true, force: true })
  }
}

async function lastUsed(
  buildsDir: string,
  name: string,
): Promise<{ name: string; usedMs: number } | undefined> {
  try {
    return { name, usedMs: (await stat(join(buildsDir, name))).mtimeMs }
  } catch (error) {
    // Another process that starts now has moved or removed it.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
