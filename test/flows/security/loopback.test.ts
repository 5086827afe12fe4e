import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { ForeignEndpointError } from '../../../infra/local/local-cloud.ts'
import { startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { dumpTable } from './attack.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A'
const LOOPBACK = '0100007F'
const FOREIGN_HOSTS = ['evil.example', '127.0.0.1.evil.example', '192.168.0.1', '0.0.0.0', '[::1]']

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

function ports(): Record<'app' | 'aws' | 'google' | 'dropbox', number> {
  const { app, aws, google, dropbox } = test.cloud.urls
  const port = (url: string) => Number(new URL(url).port)
  return { app: port(app), aws: port(aws), google: port(google), dropbox: port(dropbox) }
}

/** As a browser would ask that was told that the name leads to this machine. */
function ask(
  port: number,
  host: string,
  { path = '/', method = 'GET' } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (reply) => {
      let body = ''
      reply.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }))
    })
    call.on('error', reject).end()
  })
}

/** This process and everything that it started. */
async function ownProcesses(): Promise<string[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const parents = new Map<string, string>()
  for (const pid of all) {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(endedMeanwhile)
    // The command stands in parentheses and may hold spaces; the parent is the second word after it.
    parents.set(pid, line?.slice(line.lastIndexOf(')') + 2).split(' ')[1] ?? '')
  }
  const isOwn = (pid: string | undefined): boolean =>
    pid === String(process.pid) ||
    (pid !== undefined && parents.has(pid) && isOwn(parents.get(pid)))
  return all.filter(isOwn)
}

/** Processes of others come and go while they are looked at. */
function endedMeanwhile(): undefined {
  return undefined
}

/** Sockets on which this process and its children listen, as the kernel has them. */
async function listeners(): Promise<{ address: string; port: number }[]> {
  const inodes = new Set<string>()
  for (const pid of await ownProcesses()) {
    for (const fd of (await readdir(`/proc/${pid}/fd`).catch(endedMeanwhile)) ?? []) {
      const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(endedMeanwhile)
      const inode = /^socket:\[(\d+)\]$/.exec(link ?? '')?.[1]
      if (inode !== undefined) inodes.add(inode)
    }
  }
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8')),
  )
  return tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTEN && inodes.has(columns[9] ?? ''))
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':')
      return { address, port: Number.parseInt(port, 16) }
    })
}

describe('security rule 25: on one machine nobody else gets in', () => {
  it.runIf(process.platform === 'linux')('every port listens on 127.0.0.1 alone', async () => {
    // An environment is there, too.
    await fetch(`${test.cloud.urls.app}/api/auth/session`)
    const all = await listeners()

    expect(all.map(({ port }) => port)).toEqual(expect.arrayContaining(Object.values(ports())))
    expect(new Set(all.map(({ address }) => address))).toEqual(new Set([LOOPBACK]))
  })

  it('a name of elsewhere that leads here is refused on every port, and changes nothing', async () => {
    const before = await dumpTable(test)
    for (const [name, port] of Object.entries(ports())) {
      const hosts = FOREIGN_HOSTS.flatMap((host) => [host, `${host}:${port}`])
      for (const host of [...hosts, `127.0.0.1:${port + 1}`, `127.0.0.1`]) {
        for (const path of ['/', '/api/portals', '/_local/status', '/_emulator/accounts']) {
          const { status, body } = await ask(port, host, { path })
          expect([name, host, path, status]).toEqual([name, host, path, 421])
          expect(body).not.toContain('example.com')
        }
        expect((await ask(port, host, { path: '/_local/clock', method: 'POST' })).status).toBe(421)
      }
    }
    expect(await dumpTable(test)).toEqual(before)
  })

  const CONTROL_READS = () => [
    `${test.cloud.urls.app}/_local/status`,
    `${test.cloud.urls.app}/_local/queues`,
    `${test.cloud.urls.app}/_local/schedules`,
    ...[test.cloud.urls.google, test.cloud.urls.dropbox].flatMap((emulator) => [
      `${emulator}/_emulator/accounts`,
      `${emulator}/_emulator/requests`,
      `${emulator}/_emulator/files?account=owner%40example.com`,
    ]),
  ]
  const CONTROL_WRITES = () => [
    `${test.cloud.urls.app}/_local/clock`,
    `${test.cloud.urls.app}/_local/schedules/portage-local-sweep-due/run`,
    ...[test.cloud.urls.google, test.cloud.urls.dropbox].flatMap((emulator) => [
      `${emulator}/_emulator/accounts`,
      `${emulator}/_emulator/accounts/owner@example.com/revoke`,
      `${emulator}/_emulator/faults`,
    ]),
    `${test.cloud.urls.dropbox}/_emulator/settings`,
  ]

  it('control replies can be read by no page of another origin', async () => {
    for (const url of [...CONTROL_READS(), ...CONTROL_WRITES()]) {
      for (const method of ['GET', 'OPTIONS']) {
        const response = await fetch(url, {
          method,
          headers: {
            origin: 'https://evil.example',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type',
          },
        })
        const cors = [...response.headers.keys()].filter((name) =>
          name.startsWith('access-control'),
        )
        expect(cors, `${method} ${url}`).toEqual([])
        expect(response.status, `${method} ${url}`).toBeGreaterThanOrEqual(400)
      }
    }
  })

  it('control calls that change something cannot be made by a page of another origin', async () => {
    const now = test.cloud.clock.offsetMs
    const body = '{"advanceSeconds":3600,"email":"evil@example.com","route":"/","action":"reset"}'
    const json = { 'content-type': 'application/json' }
    const ways: Record<string, string>[] = [
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'text/plain; application/json' },
      { ...json, origin: 'https://evil.example' },
      { ...json, origin: 'null' },
      { ...json, origin: 'http://127.0.0.1' },
      { ...json, origin: test.cloud.urls.aws },
    ]
    for (const url of CONTROL_WRITES()) {
      for (const headers of ways) {
        const response = await fetch(url, { method: 'POST', headers, body })
        expect([403, 415], `${url} ${JSON.stringify(headers)}`).toContain(response.status)
      }
    }
    for (const method of ['DELETE', 'PUT', 'PATCH']) {
      for (const area of ['faults', 'requests']) {
        const response = await fetch(`${test.cloud.urls.google}/_emulator/${area}`, {
          method,
          headers: { origin: 'https://evil.example' },
        })
        expect(response.status).toBe(403)
      }
    }

    expect(test.cloud.clock.offsetMs).toBe(now)
    const accounts = await (await fetch(`${test.cloud.urls.google}/_emulator/accounts`)).text()
    expect(accounts).not.toContain('evil@example.com')
  })

  it('the operator’s credentials and every key lie in files that only their owner may read', async () => {
    for (const file of ['operator.json', 'credentials.key']) {
      expect((await stat(join(test.dataDir, file))).mode & 0o077, file).toBe(0)
    }
  })

  it('nothing that would be deployed knows the control routes', async () => {
    const assemblyDir = inject('assemblyDir')
    const entries = await readdir(assemblyDir, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    // The asset of each function is the bundle that its folder holds.
    const bundles = files.filter(({ name }) => name === 'index.js')
    expect(bundles.length).toBeGreaterThanOrEqual(10)
    expect(files.filter(({ name }) => name.endsWith('.template.json')).length).toBeGreaterThan(2)
    for (const { parentPath, name } of files) {
      if (name === 'tree.json') continue
      const text = await readFile(join(parentPath, name), 'utf8')
      expect(/_local\b|_emulator\b/.test(text), `${parentPath}/${name}`).toBe(false)
    }
  })

  it.each([
    ['AWS_ENDPOINT_URL', 'https://dynamodb.us-east-1.amazonaws.com'],
    ['AWS_ENDPOINT_URL_DYNAMODB', 'https://DynamoDB.eu-central-1.AMAZONAWS.com/'],
    ['AWS_ENDPOINT_URL_S3', 'https://s3.cn-north-1.amazonaws.com.cn'],
  ])('%s that leads to AWS keeps it from starting', async (name, value) => {
    process.env[name] = value
    try {
      await expect(startTestCloud()).rejects.toThrow(ForeignEndpointError)
    } finally {
      delete process.env[name]
    }
  })

  it('npm start says so and ends', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'portage-foreign-'))
    const child = spawn(
      process.execPath,
      [join(ROOT, 'infra', 'local', 'start.ts'), '--data', dataDir, '--port', '46400'],
      {
        cwd: ROOT,
        env: { ...process.env, AWS_ENDPOINT_URL: 'https://sqs.us-east-1.amazonaws.com' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const code = await new Promise((resolve) => child.on('close', resolve))

    expect(output).toContain('AWS_ENDPOINT_URL')
    expect(code).toBe(1)
    expect(await readdir(dataDir)).toEqual([])
    await rm(dataDir, { recursive: true })
  })
})
