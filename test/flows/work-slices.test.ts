import { afterAll, beforeAll, expect, it } from 'vitest'
import { sha256 } from '../support/client-calls.ts'
import { deliveriesOf, sessions } from '../support/deliveries.ts'
import { startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'

const LARGE_DELIVERY = 'portage-local-deliver-large'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud({ environment: { WORK_SLICE_SECONDS: '0.2' } })
})
afterAll(() => test.close())

it.each(PROVIDERS)(
  'a file that needs several invocations arrives in one session of $name',
  async (provider) => {
    const files = deliveriesOf(test, await test.owner({ provider: provider.id }))
    const file = files.newFile(2 * files.twoChunksBytes)
    const before = stats()
    // Each chunk waits longer than a slice lasts.
    await files.spoil('chunk', { times: 100, action: 'slow', ms: 300 })

    const requests = await files.requestsOf(async () => {
      const uploadId = await files.handOver(file)
      await files.untilDelivered(uploadId, file)
    })

    expect(await files.arrived(file)).toEqual([sha256(file.content)])
    expect(stats().invocations - before.invocations).toBeGreaterThanOrEqual(2)
    expect(stats().errors).toBe(0)
    expect(sessions(requests)).toBe(1)
  },
)

function stats() {
  return test.cloud.lambda.stats().functions[LARGE_DELIVERY] ?? { invocations: 0, errors: 0 }
}
