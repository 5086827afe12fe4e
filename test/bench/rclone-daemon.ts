/**
 * rclone as the yardstick: a running daemon that copies from our S3 engine to the Google emulator,
 * set up to be as fast as it can. Its Drive backend speaks to Google's own host names only, so its
 * requests go through TLS redirection, a process whose processor time is told apart.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { AppClient } from '../../infra/local/app-client.ts'
import { until } from '../support/until.ts'
import { startChild } from './child.ts'

const RCLONE = 'rclone'
const EMAIL = 'second@example.com'
const SCOPE = 'https://www.googleapis.com/auth/drive.file'

interface OAuthClient {
  clientId: string
  clientSecret: string
}

export interface RcloneSource {
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
  region: string
  bucket: string
}

export interface RcloneDaemon {
  /** Copies everything under the prefix into a folder of the second account's Drive. */
  copy(prefix: string, folder: string): Promise<{ seconds: number; redirectCpuSeconds: number }>
  /** Files of the second account in a folder. */
  countFiles(folder: string): Promise<number>
  close(): Promise<void>
}

export async function startRcloneDaemon(options: {
  dir: string
  googleUrl: string
  client: OAuthClient
  source: RcloneSource
  transfers: number
}): Promise<RcloneDaemon> {
  const { dir, googleUrl, source } = options
  const redirect = await startChild<{ proxyUrl: string; authority: string }>(
    'redirect-process.ts',
    [googleUrl],
  )
  const authorityFile = join(dir, 'authority.pem')
  await writeFile(authorityFile, redirect.hello.authority)
  const configFile = join(dir, 'rclone.conf')
  await writeFile(configFile, await configuration(options), { mode: 0o600 })
  const port = await freePort()
  const child = spawn(RCLONE, ['rcd', ...daemonFlags(port, options.transfers)], {
    env: {
      PATH: process.env['PATH'],
      HOME: dir,
      HTTPS_PROXY: redirect.hello.proxyUrl,
      RCLONE_CONFIG: configFile,
      RCLONE_CA_CERT: authorityFile,
    },
    stdio: 'ignore',
  })
  // It would outlive a bench that is interrupted.
  const endIt = () => child.kill()
  process.once('exit', endIt)
  const command = async (name: string, parameters: object): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${port}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    })
    const reply = await response.text()
    if (!response.ok) throw new Error(`rclone ${name}: ${reply}`)
  }
  const cpuSeconds = async () => (await redirect.ask<{ cpuSeconds: number }>({})).cpuSeconds
  // It refuses connections until it listens.
  await until(() =>
    command('rc/noop', {}).then(
      () => true,
      () => false,
    ),
  )
  return {
    async copy(prefix, folder) {
      const cpuBefore = await cpuSeconds()
      const startedAt = performance.now()
      await command('sync/copy', {
        srcFs: `source:${source.bucket}/${prefix}`,
        dstFs: `drive:${folder}`,
      })
      const seconds = (performance.now() - startedAt) / 1000
      return { seconds, redirectCpuSeconds: (await cpuSeconds()) - cpuBefore }
    },
    async countFiles(folder) {
      const response = await fetch(`${googleUrl}/_emulator/files?account=${EMAIL}`)
      const { files } = (await response.json()) as { files: { path: string }[] }
      return files.filter(({ path }) => path.includes(`${folder}/`)).length
    },
    async close() {
      const ended = once(child, 'exit')
      process.off('exit', endIt)
      child.kill()
      await ended
      await redirect.close()
    },
  }
}

function daemonFlags(port: number, transfers: number): string[] {
  return [
    ...['--rc-addr', `127.0.0.1:${port}`, '--rc-no-auth'],
    ...['--transfers', String(transfers), '--checkers', String(transfers)],
    // Its pacer waits 100 ms between calls otherwise.
    ...['--drive-pacer-min-sleep', '0s', '--drive-pacer-burst', '10000'],
    // The chunks that our driver sends.
    ...['--drive-chunk-size', '32Mi'],
    // Saves it a HEAD of each object.
    '--use-server-modtime',
    // What goes wrong is to be seen, not repeated.
    ...['--retries', '1', '--low-level-retries', '1'],
  ]
}

async function configuration(options: {
  googleUrl: string
  client: OAuthClient
  source: RcloneSource
}): Promise<string> {
  const { source, client } = options
  const sections = {
    source: {
      type: 's3',
      provider: 'Other',
      access_key_id: source.accessKeyId,
      secret_access_key: source.secretAccessKey,
      region: source.region,
      endpoint: source.endpoint,
      force_path_style: 'true',
      list_version: '2',
      no_check_bucket: 'true',
    },
    drive: {
      type: 'drive',
      client_id: client.clientId,
      client_secret: client.clientSecret,
      scope: 'drive.file',
      token: JSON.stringify(await consent(options.googleUrl, client)),
    },
  }
  return Object.entries(sections)
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`)
      return `[${name}]\n${lines.join('\n')}\n`
    })
    .join('\n')
}

/** Consents as a person would; the emulator's own page is where the redirection ends. */
export const REDIRECT_PATH = '/'

async function consent(googleUrl: string, { clientId, clientSecret }: OAuthClient) {
  const browser = new AppClient(googleUrl)
  const redirectUri = `${googleUrl}${REDIRECT_PATH}`
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: SCOPE,
    access_type: 'offline',
    prompt: 'consent',
  })
  const asked = await browser.visit(`/o/oauth2/v2/auth?${query}`)
  const page = await browser.consent(asked, { email: EMAIL })
  const response = await fetch(`${googleUrl}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: page.url.searchParams.get('code') ?? '',
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uri: redirectUri,
    }),
  })
  if (!response.ok) throw new Error(`no token for rclone: ${await response.text()}`)
  const { access_token, refresh_token, expires_in } = (await response.json()) as {
    access_token: string
    refresh_token: string
    expires_in: number
  }
  const expiry = new Date(Date.now() + expires_in * 1000).toISOString()
  return { access_token, refresh_token, expiry, token_type: 'Bearer' }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
