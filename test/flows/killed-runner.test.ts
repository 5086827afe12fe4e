import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AppClient } from '../../infra/local/app-client.ts'
import type { PublicPortalReply } from '../../shared/contract/portals.ts'
import { bearer, handOver } from '../support/local-cloud.ts'
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

async function emulator<T>(path: string, fault?: object): Promise<T> {
  const response = await fetch(`${runner.google}/_emulator/${path}`, {
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

it('a runner killed in the middle of a delivery leaves no process, and the next one delivers once', async () => {
  const http = new AppClient(runner.app)
  const content = randomBytes(65 * MIB)
  const { portalId } = await http.call<PublicPortalReply>('GET', '/api/portals/public/demo')
  // The second chunk hangs, so that the kill falls into the middle of the file.
  const route = '/upload/drive/v3/files'
  await emulator('faults', { route, method: 'PUT', skip: 1, times: 9, action: 'slow', ms: 60_000 })

  const { intent } = await handOver(http, portalId, [{ name: 'film.mov', content }])
  const chunks = async () => {
    const { requests } = await emulator<{ requests: { method: string; path: string }[] }>(
      'requests',
    )
    return requests.filter(({ method, path }) => method === 'PUT' && path === route).length
  }
  await until(chunks)
  expect(processesOf(dataDir).length).toBeGreaterThan(1)
  await killRunner(runner)
  await until(() => processesOf(dataDir).length === 0, { timeoutMs: 3000 })

  runner = await startRunner(dataDir, runner.port)
  const status = async () => {
    const { uploads } = await http.call<{ uploads: { status: string }[] }>(
      'GET',
      `/api/submissions/${intent.submissionId}`,
      { headers: bearer(intent.readToken) },
    )
    return uploads[0]?.status
  }
  expect(await status()).toBe('delivering')
  // The dead worker's lease lasts a minute; the sweep after it takes the file up again.
  await http.call('POST', '/_local/clock', { json: { advanceSeconds: 120 } })
  await until(async () => (await status()) === 'uploaded', { timeoutMs: 20_000 })

  const { files } = await emulator<{ files: { name: string; sha256: string }[] }>(
    'files?account=owner@example.com',
  )
  const sha256 = createHash('sha256').update(content).digest('hex')
  expect(files).toMatchObject([{ name: 'film.mov', sha256 }])
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
