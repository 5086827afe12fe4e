import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { handOver, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const LARGE_DELIVERY = 'portage-local-deliver-large'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud({ environment: { WORK_SLICE_SECONDS: '0.2' } })
})
afterAll(() => test.close())

it('a file that needs several invocations arrives in one session of Drive', async () => {
  const { portal } = await test.owner()
  const content = randomBytes(100 * MIB)
  // Each chunk waits longer than a slice lasts.
  await test.addFault({
    route: '/upload/drive/v3/files',
    method: 'PUT',
    times: 100,
    action: 'slow',
    ms: 300,
  })

  await handOver(test.browser(), portal.id, [{ name: 'film.mov', content }])

  const [file] = await until(async () => (await test.delivered())[0] && (await test.delivered()), {
    timeoutMs: 40_000,
  })
  expect(file?.sha256).toBe(createHash('sha256').update(content).digest('hex'))
  const worker = test.cloud.lambda.stats().functions[LARGE_DELIVERY]
  expect(worker?.invocations).toBeGreaterThanOrEqual(3)
  expect(worker?.errors).toBe(0)
  expect(await test.sessionCount()).toBe(1)
})
