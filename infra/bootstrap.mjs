/**
 * Runs a script of ours on the pinned Node, after installing what the lock file names when that is
 * missing or stale. It is the first thing that runs on a fresh clone, so it must be plain
 * JavaScript, need no package and run on whatever Node the machine has (20 or newer).
 *
 *   node infra/bootstrap.mjs <script> [arguments…]
 *
 * Packages install without their scripts; only `node`'s own may run, and the binary that it brings
 * must be one whose SHA-256 stands in `node-checksums.json`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
const binDir = join(root, 'node_modules', '.bin')
const nodeBinary = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
)
const stampFile = join(root, 'node_modules', '.portage-installed')
const PROGRESS_MS = 5000
const OWN_PARENT_CHECK_MS = 1000

function sha256OfFile(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/** What has to be installed: the lock file, and the pins it was made from. */
function wanted() {
  return sha256OfFile(join(root, 'package-lock.json'))
}

function isInstalled() {
  return (
    existsSync(nodeBinary) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted()
  )
}

function npm(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    })
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ${args[0]} ended with ${code}`)),
    )
  })
}

async function install() {
  const startedAt = Date.now()
  const seconds = () => Math.round((Date.now() - startedAt) / 1000)
  console.log('Installing packages as package-lock.json names them…')
  const progress = setInterval(() => console.log(`  still installing, ${seconds()} s`), PROGRESS_MS)
  try {
    rmSync(stampFile, { force: true })
    const quiet = ['--loglevel=error', '--no-audit', '--no-fund']
    await npm(['ci', '--ignore-scripts', ...quiet])
    await npm(['rebuild', 'node', '--ignore-scripts=false', ...quiet])
    checkNodeBinary()
    writeFileSync(stampFile, wanted())
  } finally {
    clearInterval(progress)
  }
  console.log(`Packages are installed, ${seconds()} s`)
}

function checkNodeBinary() {
  const checksums = JSON.parse(
    readFileSync(join(import.meta.dirname, 'node-checksums.json'), 'utf8'),
  )
  const platform = `${process.platform}-${process.arch}`
  const expected = checksums.sha256[platform]
  if (expected === undefined) {
    throw new Error(
      `No SHA-256 of Node ${checksums.version} for ${platform} is known here. Add the one that you trust to infra/node-checksums.json.`,
    )
  }
  if (sha256OfFile(nodeBinary) !== expected) {
    rmSync(nodeBinary, { force: true })
    throw new Error(
      `The Node binary that was installed is not the one that infra/node-checksums.json names for ${platform}. It was deleted and nothing was run.`,
    )
  }
}

/** Runs the script in this very process when this is the pinned Node, else in one that ends with it. */
async function run(script, args) {
  const env = { ...process.env, PATH: `${binDir}${delimiter}${process.env.PATH}` }
  const pinned = spawnSync(nodeBinary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  if (process.version === pinned) {
    process.env.PATH = env.PATH
    process.argv = [process.argv[0], join(root, script), ...args]
    await import(pathToFileURL(join(root, script)).href)
    return
  }
  const child = spawn(nodeBinary, [join(root, script), ...args], {
    cwd: process.cwd(),
    env,
    // The script ends when this channel does, however this process ended.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  const parent = process.ppid
  // A parent that was killed outright sends no signal; a runner nobody can stop must not stay.
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, OWN_PARENT_CHECK_MS).unref()
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

const [script, ...args] = process.argv.slice(2)
try {
  if (!isInstalled()) await install()
} catch (error) {
  console.error(`\n${error.message}\n`)
  process.exit(1)
}
await run(script, args)
