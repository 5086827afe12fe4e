/**
 * The whole job on the whole service, and what Google was asked meanwhile: every request keeps the
 * rules that Google publishes, also those that it does not enforce.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deliveriesOf, MIB } from '../support/deliveries.ts'
import { type Owner, startTestCloud, type TestCloud } from '../support/local-cloud.ts'

const NEEDED = [
  'drive.files.create',
  'drive.files.delete',
  'drive.files.download',
  'drive.files.generateIds',
  'drive.files.get',
  'drive.session.chunk',
  'drive.session.status',
  'oauth.authorize',
  'oauth.token.code',
  'oauth.token.refresh',
]

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner({ portal: { name: 'Papers' } })
  await wholeJob()
})
afterAll(() => test.close())

/** Files of every way to Drive, lost replies on each, a token that is refreshed, one read and one deleted. */
async function wholeJob(): Promise<void> {
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
  await deliver(6 * MIB)

  // After a lost reply the file is looked up by its id, or the session is asked.
  await deliveries.spoil('whole', { action: 'apply-then-503' })
  await deliver(2000)
  await deliveries.spoil('chunk', { action: 'partial' })
  await deliveries.spoil('chunk', { action: 'apply-then-503' })
  await deliver(6 * MIB)
  expect(await deliveries.openFaults()).toBe(0)

  const path = `/api/uploads/${small}`
  expect((await owner.http.send('GET', `${path}/download`)).status).toBe(200)
  expect((await owner.http.send('DELETE', path)).ok).toBe(true)
}

describe('the requests of the whole job', () => {
  it('break no published rule', async () => {
    const requests = await test.providerRequests()

    const broken = requests.filter(({ brokenRules }) => brokenRules !== undefined)
    expect(broken).toEqual([])
  })

  it('are of every kind that the job needs', async () => {
    const operations = new Set((await test.providerRequests()).map(({ operation }) => operation))

    expect(NEEDED.filter((operation) => !operations.has(operation))).toEqual([])
  })
})
