import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataFolderInUseError } from '../../infra/local/data-lock.ts'
import { ForeignEndpointError, startLocalCloud } from '../../infra/local/local-cloud.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import {
  bearer,
  handOver,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
})
afterAll(() => test.close())

describe('the local cloud', () => {
  it('carries what a client hands over into the Drive of the owner, byte for byte', async () => {
    const files = [
      {
        name: 'Résumé – "ünïcode" (1).pdf',
        content: Buffer.from('%PDF-1.7\n'),
        type: 'application/pdf',
      },
      { name: 'empty.txt', content: Buffer.alloc(0), type: 'text/plain' },
      { name: 'large.bin', content: randomBytes(20 * MIB + 1) },
    ]

    const { intent } = await handOver(test.browser(), owner.portal.id, files)

    const http = test.browser()
    const status = () =>
      http.call<{ uploads: { status: string }[] }>(
        'GET',
        `/api/submissions/${intent.submissionId}`,
        {
          headers: bearer(intent.readToken),
        },
      )
    await until(
      async () => (await status()).uploads.every((upload) => upload.status === 'uploaded'),
      {
        timeoutMs: 30_000,
      },
    )
    const delivered = await test.delivered()
    const seen = delivered.map(({ name, sha256 }) => `${name} ${sha256}`).sort()
    expect(seen).toEqual(
      files
        .map(({ name, content }) => `${name} ${createHash('sha256').update(content).digest('hex')}`)
        .sort(),
    )
  })

  it('keeps every state over a restart, sessions included', async () => {
    const counts = async () =>
      (await owner.http.call<PortalReply[]>('GET', '/api/portals')).map(
        ({ slug, _count }) => `${slug} ${_count.uploads}`,
      )
    await until(async () => (await counts()).includes('letters 3'))

    await test.restart()

    expect(await counts()).toEqual(['letters 3'])
    expect((await test.delivered()).length).toBe(3)
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
    expect((await owner.http.send('GET', '/api/auth/session')).status).toBe(401)
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
