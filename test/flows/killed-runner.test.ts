import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AppClient } from '../../infra/local/app-client.ts'
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { sha256, statuses, untilUploaded } from '../support/client-calls.ts'
import {
  createPortal,
  type DeliveredFile,
  handOver,
  OWNER,
  type ProviderRequest,
} from '../support/local-cloud.ts'
import type { ProviderSuite } from '../support/provider-suite.ts'
import { PROVIDERS } from '../support/providers.ts'
import { choosePort, killRunner, processesOf, type Runner, startRunner } from '../support/runner.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

let dataDir: string
let runner: Runner

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portage-killed-'))
  runner = await startRunner(dataDir, choosePort())
})
afterEach(async () => {
  await killRunner(runner)
  await rm(dataDir, { recursive: true, force: true })
})

/** The control API of a provider's emulator. */
async function emulator<T>(provider: ProviderSuite, path: string, fault?: object): Promise<T> {
  const origin = (await status()).urls[provider.id]
  const response = await fetch(`${origin}/_emulator/${path}`, {
    ...(fault === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(fault),
        }),
  })
  return (await response.json()) as T
}

async function status(): Promise<{ urls: Record<string, string> }> {
  const response = await fetch(`${runner.app}/_local/status`)
  return (await response.json()) as { urls: Record<string, string> }
}

interface Started {
  provider: ProviderSuite
  content: Buffer
  intent: IntentReply
}

/** Hands over a film whose second chunk hangs at the provider, and returns while it does. */
async function catchMidFile(http: AppClient, provider: ProviderSuite): Promise<Started> {
  const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
  const account = accounts.find((each) => each.provider === provider.id)
  const portal = await createPortal(http, account?.storageAccountId ?? '', {
    slug: `films-${provider.id}`,
    storageProvider: provider.storageId,
  })
  const fault = { skip: 1, times: 9, action: 'slow', ms: 60_000 }
  await emulator(provider, 'faults', { ...provider.requests.chunk, ...fault })
  const content = randomBytes(provider.driver(runner.app).chunkBytes + MIB)
  const { intent } = await handOver(http, portal.id, [{ name: 'film.mov', content }])
  await until(async () => {
    const { requests } = await emulator<{ requests: ProviderRequest[] }>(provider, 'requests')
    return requests.some(({ operation }) => operation === provider.chunkOperation)
  })
  return { provider, content, intent }
}

it('a runner killed in the middle of deliveries leaves no process, and the next one delivers once', {
  timeout: 120_000,
}, async () => {
  const http = new AppClient(runner.app)
  await http.signIn(OWNER)
  const started: Started[] = []
  for (const provider of PROVIDERS) started.push(await catchMidFile(http, provider))
  expect(processesOf(dataDir).length).toBeGreaterThan(1)
  await killRunner(runner)
  await until(() => processesOf(dataDir).length === 0)

  runner = await startRunner(dataDir, runner.port)
  for (const { intent } of started) expect(await statuses(http, intent)).toEqual(['delivering'])
  // The dead worker's lease lasts a minute; the sweep after it takes the files up again.
  await http.call('POST', '/_local/clock', { json: { advanceSeconds: 120 } })

  for (const { provider, content, intent } of started) {
    await untilUploaded(http, intent)
    const { files } = await emulator<{ files: DeliveredFile[] }>(provider, `files?account=${OWNER}`)
    expect(files).toMatchObject([{ name: 'film.mov', sha256: sha256(content) }])
  }
})

it('npm start says where everything is, and refuses a second runner on its folder or its ports', async () => {
  await until(() => runner.output().includes(`Demo portal      ${runner.app}/p/demo`))
  const other = await mkdtemp(join(tmpdir(), 'portage-second-'))

  const sameFolder = startRunner(dataDir, runner.port + 8)
  await expect(sameFolder).rejects.toThrow(
    `in use by another runner (process ${runner.process.pid})`,
  )
  await expect(startRunner(other, runner.port)).rejects.toThrow(
    `Port ${runner.port} is in use, perhaps by another runner`,
  )
  await rm(other, { recursive: true })
})

it('one Ctrl-C, which arrives from the terminal and from npm, ends the runner in order', async () => {
  const exited = once(runner.process, 'exit')

  runner.process.kill('SIGINT')
  await until(() => runner.output().includes('SIGINT: stopping'))
  runner.process.kill('SIGINT')

  expect(await exited).toEqual([0, null])
  expect(processesOf(dataDir)).toEqual([])
})
