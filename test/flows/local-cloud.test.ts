import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataFolderInUseError } from '../../infra/local/data-lock.ts'
import { ForeignEndpointError, startLocalCloud } from '../../infra/local/local-cloud.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import { sha256, untilUploaded } from '../support/client-calls.ts'
import { handOver, type Owner, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

let test: TestCloud
let owners: Owner[]

beforeAll(async () => {
  test = await startTestCloud()
  owners = []
  for (const { id } of PROVIDERS) owners.push(await test.owner({ provider: id }))
})
afterAll(() => test.close())

describe('the local cloud', () => {
  it('carries what a client hands over into the storage of the owner, byte for byte', async () => {
    const files = [
      {
        name: 'Résumé – "ünïcode" (1).pdf',
        content: Buffer.from('%PDF-1.7\n'),
        type: 'application/pdf',
      },
      { name: 'empty.txt', content: Buffer.alloc(0), type: 'text/plain' },
      { name: 'large.bin', content: randomBytes(20 * MIB + 1) },
    ]
    const expected = files.map(({ name, content }) => `${name} ${sha256(content)}`).sort()
    const client = test.browser()

    const handovers = await Promise.all(
      owners.map(({ portal }) => handOver(client, portal.id, files)),
    )

    for (const { intent } of handovers) await untilUploaded(client, intent)
    for (const { email, provider } of owners) {
      const delivered = await test.delivered(email, provider)
      expect(delivered.map((file) => `${file.name} ${file.sha256}`).sort()).toEqual(expected)
    }
  })

  it('keeps every state over a restart, sessions included', async () => {
    const counts = async () => {
      const portals = await Promise.all(
        owners.map(({ http }) => http.call<PortalReply[]>('GET', '/api/portals')),
      )
      return portals.map((each) => each.map(({ _count }) => _count.uploads))
    }
    const expected = owners.map(() => [3])
    await until(async () => isDeepStrictEqual(await counts(), expected))

    await test.restart()

    expect(await counts()).toEqual(expected)
    for (const { email, provider } of owners) {
      expect(await test.delivered(email, provider)).toHaveLength(3)
    }
  })

  it('lets nobody else work on its data', async () => {
    const second = startTestCloud({ dataDir: test.dataDir })

    await expect(second).rejects.toThrow(DataFolderInUseError)
  })

  it('moves the clock of the functions with its own', async () => {
    const twoWeeks = 14 * 86_400

    const response = await test.browser().send('POST', '/_local/clock', {
      json: { advanceSeconds: twoWeeks },
    })

    expect(response.status).toBe(200)
    // A session ends after seven days without use.
    for (const { http } of owners) {
      expect((await http.send('GET', '/api/auth/session')).status).toBe(401)
    }
  })

  it('runs a schedule when told to', async () => {
    const http = test.browser()
    const { schedules } = await http.call<{ schedules: string[] }>('GET', '/_local/schedules')
    expect(schedules).toEqual(['portage-local-sweep-due'])

    await http.call('POST', '/_local/schedules/portage-local-sweep-due/run', { json: {} })

    expect(test.cloud.lambda.stats().functions['portage-local-sweep-due']).toMatchObject({
      errors: 0,
    })
  })
})

it('an endpoint of AWS in the environment is refused before anything starts', async () => {
  process.env['AWS_ENDPOINT_URL_S3'] = 'https://s3.us-east-1.amazonaws.com'
  try {
    const start = startLocalCloud({
      assemblyDir: '',
      siteDir: '',
      dataDir: '',
      ports: { edge: 0, aws: 0, google: 0, dropbox: 0 },
    })
    await expect(start).rejects.toThrow(ForeignEndpointError)
  } finally {
    delete process.env['AWS_ENDPOINT_URL_S3']
  }
})

it('a start that fails leaves nothing behind that holds its folder or its ports', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'portage-failed-'))

  await expect(startTestCloud({ dataDir, siteDir: '/nowhere' })).rejects.toThrow('ENOENT')

  const again = await startTestCloud({ dataDir })
  await again.close()
  await rm(dataDir, { recursive: true })
})
