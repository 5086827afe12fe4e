/** The machine's own rclone, led to an emulator through TLS redirection. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startTlsFront } from './tls-front.ts'

const execute = promisify(execFile)

/** Set where rclone must not be missing: there the tests fail without it instead of being skipped. */
export const RCLONE_REQUIRED = process.env['PORTAGE_RCLONE_REQUIRED'] === '1'

/** Version of the installed rclone; undefined when there is none. */
export async function installedRclone(): Promise<string | undefined> {
  try {
    const { stdout } = await execute('rclone', ['version'])
    return stdout.split('\n')[0]
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

export interface RcloneRemote {
  /** Members of the remote's section in rclone's configuration. */
  config: Record<string, string>
  emulatorUrl: string
  /** The provider's host names. */
  hosts: readonly string[]
}

export interface Rclone {
  /** A folder for what is copied from and to. */
  dir: string
  /** Runs a command and resolves to what it printed; `remote:` is the configured remote. */
  run(...args: string[]): Promise<string>
  /** As `run`, for a command that is to fail: resolves to its complaint. */
  fail(...args: string[]): Promise<string>
  refusedHosts: string[]
  close(): Promise<void>
}

export async function startRclone(remote: RcloneRemote): Promise<Rclone> {
  const home = await mkdtemp(join(tmpdir(), 'rclone-'))
  const dir = join(home, 'files')
  await mkdir(dir)
  const front = await startTlsFront(remote.emulatorUrl, remote.hosts)
  const authorityFile = join(home, 'authority.pem')
  const configFile = join(home, 'rclone.conf')
  const lines = Object.entries(remote.config).map(([name, value]) => `${name} = ${value}`)
  await writeFile(authorityFile, front.authority)
  await writeFile(configFile, ['[remote]', ...lines, ''].join('\n'), { mode: 0o600 })

  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HTTPS_PROXY: front.proxyUrl,
    RCLONE_CONFIG: configFile,
    RCLONE_CA_CERT: authorityFile,
    // Whatever is refused shows at once, instead of after ten tries with pauses.
    RCLONE_RETRIES: '1',
    RCLONE_LOW_LEVEL_RETRIES: '1',
    RCLONE_DRIVE_PACER_MIN_SLEEP: '1ms',
    // Files of a test come at once; a batch need not wait for more of them.
    RCLONE_DROPBOX_BATCH_TIMEOUT: '20ms',
  }
  const invoke = (args: string[]) => execute('rclone', args, { env, cwd: dir, maxBuffer: 2 ** 26 })
  return {
    dir,
    refusedHosts: front.refusedHosts,
    run: async (...args) => (await invoke(args)).stdout,
    async fail(...args) {
      const complaint = await invoke(args).then(
        () => undefined,
        (error: { stderr: string }) => error.stderr,
      )
      if (complaint === undefined) throw new Error(`rclone ${args.join(' ')} was to fail`)
      return complaint
    },
    async close() {
      await front.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
