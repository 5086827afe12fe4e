/** `npm start`: builds what has changed, starts the local cloud, prepares the demo and says where everything is. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { PROVIDERS } from '../../shared/providers/providers.ts'
import { ensureBuiltStage } from './built-stage.ts'
import { DataFolderInUseError, lockDataFolder } from './data-lock.ts'
import { DEMO_EMAIL, prepareDemo } from './demo.ts'
import { ForeignEndpointError, LISTENERS, type LocalCloud, startLocalCloud } from './local-cloud.ts'
import {
  readStartOptions,
  START_HELP,
  StartOptionError,
  type StartOptions,
} from './start-options.ts'

/** What went wrong is the user's to put right; the sentence says how. */
class StartError extends Error {
  override name = 'StartError' as const
}

const PARENT_CHECK_MS = 1000
/** One Ctrl-C arrives from the terminal and again from npm or the bootstrap, which pass it on. */
const SAME_SIGNAL_MS = 1000

const startedAt = performance.now()

function progress(step: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)
  console.log(`${seconds} s  ${step}`)
}

async function run(options: StartOptions): Promise<void> {
  const dataDir = resolve(options.dataDir)
  if (options.fresh) emptyDataFolder(dataDir)
  const built = await ensureBuiltStage(progress)
  if (!built.wasBuilt) progress('Sources are unchanged since the last build')

  let demoPath: string | undefined
  const cloud = await startCloud(options, dataDir, built, async (origin) => {
    if (!options.demo) return
    demoPath = await prepareDemo(origin)
    progress('The demo is there')
  })
  closeWhenTold(cloud)
  progress('Portage is ready')
  console.log(summary(cloud, dataDir, demoPath))
}

async function startCloud(
  options: StartOptions,
  dataDir: string,
  built: { assemblyDir: string; siteDir: string; hash: string },
  beforeReady: (origin: string) => Promise<void>,
): Promise<LocalCloud> {
  const { port } = options
  try {
    return await startLocalCloud({
      assemblyDir: built.assemblyDir,
      siteDir: built.siteDir,
      dataDir,
      ports: Object.fromEntries(LISTENERS.map((name, index) => [name, port + index])),
      versions: { sources: built.hash },
      onProgress: progress,
      beforeReady,
    })
  } catch (error) {
    if (isPortInUse(error)) {
      throw new StartError(
        `Port ${error.port} is in use, perhaps by another runner. Stop it or choose other ports: npm start -- --port ${port + 100}`,
      )
    }
    throw error
  }
}

/** Empties the folder after making sure that it is ours and that nobody works with it. */
function emptyDataFolder(dataDir: string): void {
  if (!existsSync(dataDir)) return
  const names = readdirSync(dataDir)
  if (names.length > 0 && !names.includes('runner.lock')) {
    throw new StartError(`--fresh would delete ${dataDir}, which is no data folder of Portage`)
  }
  lockDataFolder(dataDir).release()
  for (const name of names) rmSync(join(dataDir, name), { recursive: true, force: true })
}

function isPortInUse(error: unknown): error is NodeJS.ErrnoException & { port: number } {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

function closeWhenTold(cloud: LocalCloud): void {
  let closingSinceMs: number | undefined
  const close = (reason: string): void => {
    if (closingSinceMs !== undefined) {
      // Whoever asks twice does not want to wait; the warden ends the children.
      if (performance.now() - closingSinceMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    closingSinceMs = performance.now()
    console.log(`\n${reason}: stopping`)
    cloud.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', close)
  process.on('SIGTERM', close)
  // Whoever started this process was killed outright and can pass no signal on.
  process.on('disconnect', () => close('The parent process has ended'))
  const parent = process.ppid
  if (process.env['npm_lifecycle_event'] === 'start') {
    setInterval(() => {
      if (process.ppid !== parent && closingSinceMs === undefined) close('npm has ended')
    }, PARENT_CHECK_MS).unref()
  }
}

function summary({ urls }: LocalCloud, dataDir: string, demoPath: string | undefined): string {
  const folder = relative(process.cwd(), dataDir) || '.'
  const rows = [
    ['App', `${urls.app}/`],
    ...(demoPath === undefined ? [] : [['Demo portal', `${urls.app}${demoPath}`]]),
    ...Object.values(PROVIDERS).map(({ oauthId, signInName }) => [
      `${signInName} emulator`,
      `${urls[oauthId]}/`,
    ]),
    ['AWS endpoint', `${urls.aws}   credentials in ${join(folder, 'operator.json')}`],
    ['Data and logs', `${folder}/`],
  ]
  const lines = rows.map(([name = '', value]) => `  ${name.padEnd(16)} ${value}`)
  return `
${lines.join('\n')}

  Sign in as ${DEMO_EMAIL}; the emulators ask for no password.
  Stop with Ctrl-C; "npm start" goes on where this ends, "npm start -- --fresh" begins anew.
`
}

async function main(): Promise<void> {
  const options = readStartOptions(process.argv.slice(2))
  if (options.help) console.log(START_HELP)
  else await run(options)
}

main().catch((error: unknown) => {
  const isExpected =
    error instanceof StartError ||
    error instanceof StartOptionError ||
    error instanceof DataFolderInUseError ||
    error instanceof ForeignEndpointError
  console.error(isExpected ? `\n${error.message}\n` : error)
  process.exit(1)
})
