/**
 * The whole job on the whole service, and what the provider was asked meanwhile: every request keeps
 * the rules that the provider publishes, also those that it does not enforce.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deliveriesOf, MIB } from '../support/deliveries.ts'
import {
  type Owner,
  type ProviderRequest,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import type { ProviderSuite } from '../support/provider-suite.ts'
import { PROVIDERS } from '../support/providers.ts'

let test: TestCloud
beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

/** Files of every way to the provider, lost replies on each, a token that is refreshed, one read and one deleted. */
async function wholeJob(owner: Owner): Promise<void> {
  const deliveries = deliveriesOf(test, owner)
  const deliver = async (sizeBytes: number, over = {}) => {
    const file = deliveries.newFile(sizeBytes, over)
    const uploadId = await deliveries.handOver(file)
    await deliveries.untilDelivered(uploadId, file)
    return uploadId
  }
  await deliver(0)
  const small = await deliver(1000, { name: 'Größe 5 %.txt', type: 'text/plain' })
  await deliver(10, { relativePath: 'a/b/c.bin', name: 'c.bin' })
  await deliveries.steer('expire-tokens')
  await deliver(deliveries.oneChunkBytes)

  // After a lost reply the file is looked up, or the session is asked.
  await deliveries.spoil('whole', { action: 'apply-then-503' })
  await deliver(2000)
  await deliveries.spoil('chunk', { action: 'partial', bytes: MIB })
  await deliver(deliveries.oneChunkBytes)
  await deliveries.spoil('commit', { action: 'apply-then-503' })
  await deliver(deliveries.oneChunkBytes)
  expect(await deliveries.openFaults()).toBe(0)

  const path = `/api/uploads/${small}`
  expect((await owner.http.send('GET', `${path}/download`)).status).toBe(200)
  expect((await owner.http.send('DELETE', path)).ok).toBe(true)
}

describe.each(PROVIDERS)('the requests of the whole job at $name', (provider: ProviderSuite) => {
  let requests: ProviderRequest[]
  beforeAll(async () => {
    await wholeJob(await test.owner({ provider: provider.id, portal: { name: 'Papers' } }))
    requests = await test.providerRequests(provider.id)
  })

  it('break no published rule', () => {
    const broken = requests.filter(({ brokenRules = [] }) =>
      brokenRules.some((rule) => !provider.knowinglyBroken.includes(rule)),
    )
    expect(broken).toEqual([])
  })

  it('are of every kind that the job needs', () => {
    const operations = new Set(requests.map(({ operation }) => operation))

    expect(provider.neededOperations.filter((operation) => !operations.has(operation))).toEqual([])
  })
})
