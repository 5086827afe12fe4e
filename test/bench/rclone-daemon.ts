/**
 * rclone as the yardstick: a running daemon that copies from our S3 engine to an emulator, set
 * up to be as fast as it can. It speaks to a provider's own host names only, so its requests go
 * through TLS redirection, a process whose processor time is told apart.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { AppClient } from '../../infra/local/app-client.ts'
import type { OauthProviderId } from '../../shared/providers/providers.ts'
import { until } from '../support/until.ts'
import { startChild } from './child.ts'
import type { OAuthApp } from './provider-cloud.ts'
import { RCLONE_REMOTES } from './rclone-remotes.ts'

const RCLONE = 'rclone'
const EMAIL = 'second@example.com'

export interface RcloneSource {
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
  region: string
  bucket: string
}

export interface RcloneDaemon {
  /** Copies everything under the prefix into a folder of the second account. */
  copy(prefix: string, folder: string): Promise<{ seconds: number; redirectCpuSeconds: number }>
  /** Files of the second account in a folder. */
  countFiles(folder: string): Promise<number>
  close(): Promise<void>
}

interface RcloneOptions {
  dir: string
  provider: OauthProviderId
  providerUrl: string
  app: OAuthApp
  source: RcloneSource
  transfers: number
}

export async function startRcloneDaemon(options: RcloneOptions): Promise<RcloneDaemon> {
  const { dir, provider, providerUrl, source } = options
  const redirect = await startChild<{ proxyUrl: string; authority: string }>(
    'redirect-process.ts',
    [provider, providerUrl],
  )
  const authorityFile = join(dir, 'authority.pem')
  await writeFile(authorityFile, redirect.hello.authority)
  const configFile = join(dir, 'rclone.conf')
  await writeFile(configFile, await configuration(options), { mode: 0o600 })
  const port = await freePort()
  const child = spawn(RCLONE, ['rcd', ...daemonFlags(port, options)], {
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
        dstFs: `destination:${folder}`,
      })
      const seconds = (performance.now() - startedAt) / 1000
      return { seconds, redirectCpuSeconds: (await cpuSeconds()) - cpuBefore }
    },
    async countFiles(folder) {
      const response = await fetch(`${providerUrl}/_emulator/files?account=${EMAIL}`)
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

function daemonFlags(port: number, { provider, transfers }: RcloneOptions): string[] {
  return [
    ...['--rc-addr', `127.0.0.1:${port}`, '--rc-no-auth'],
    ...['--transfers', String(transfers), '--checkers', String(transfers)],
    ...RCLONE_REMOTES[provider].flags,
    // Saves it a HEAD of each object.
    '--use-server-modtime',
    // What goes wrong is to be seen, not repeated.
    ...['--retries', '1', '--low-level-retries', '1'],
  ]
}

async function configuration(options: RcloneOptions): Promise<string> {
  const { provider, source, app } = options
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
    destination: {
      ...RCLONE_REMOTES[provider].config,
      client_id: app.clientId,
      client_secret: app.clientSecret,
      token: JSON.stringify(await consent(options)),
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
async function consent({ provider, providerUrl, app }: RcloneOptions) {
  const { authorizePath, tokenPath, scope, offline } = RCLONE_REMOTES[provider]
  const browser = new AppClient(providerUrl)
  const redirectUri = `${providerUrl}/`
  const query = new URLSearchParams({
    client_id: app.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    ...offline,
  })
  const asked = await browser.visit(`${authorizePath}?${query}`)
  const page = await browser.consent(asked, { email: EMAIL })
  const response = await fetch(`${providerUrl}${tokenPath}`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: page.url.searchParams.get('code') ?? '',
      client_id: app.clientId,
      client_secret: app.clientSecret,
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
