/** Two owners and a hand-over under way, so that a bad request could change something, and that none does. */
import { afterAll, beforeAll, expect } from 'vitest'
import type { AppClient } from '../../infra/local/app-client.ts'
import type { IntentReply, UploadPlan } from '../../shared/contract/uploads.ts'
import { listParts, statuses } from '../support/client-calls.ts'
import {
  announce,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'

const MIB = 1024 * 1024

export const FILE = { fileName: 'a.txt', fileSize: 1, mimeType: 'text/plain' }

export interface BadInputWorld {
  test: TestCloud
  /** Has storage at every provider, and a portal at the first. */
  owner: Owner
  ownAccountIds: Map<string, string>
  second: AppClient
  secondAccountIds: Map<string, string>
  client: AppClient
  /** A file in one request, and one of three parts. */
  pending: IntentReply
  /** Another hand-over at the same portal. */
  foreign: IntentReply
}

export async function startBadInputWorld(): Promise<BadInputWorld> {
  const test = await startTestCloud()
  const owner = await test.owner({ portal: { slug: 'letters' } })
  const second = test.browser()
  await second.signIn(SECOND_OWNER)
  const client = test.browser()
  return {
    test,
    owner,
    ownAccountIds: await connectEverywhere(owner.http, owner.email),
    second,
    secondAccountIds: await connectEverywhere(second, SECOND_OWNER),
    client,
    pending: await announce(client, owner.portal.id, [
      { name: 'put.bin', content: Buffer.from('four') },
      { name: 'parts.bin', content: Buffer.alloc(17 * MIB) },
    ]),
    foreign: await announce(client, owner.portal.id, [
      { name: 'foreign.bin', content: Buffer.from('f') },
    ]),
  }
}

/** Accounts by the storage ids of their providers. */
async function connectEverywhere(http: AppClient, email: string): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  for (const { id, storageId } of PROVIDERS) {
    ids.set(storageId, await http.connectStorage(email, { provider: id }))
  }
  return ids
}

/** After all tests of a suite nothing is other than before them. */
export function nothingChanges(world: () => BadInputWorld): void {
  let before: unknown
  beforeAll(async () => {
    before = await everything(world())
  })
  afterAll(async () => {
    expect(await everything(world())).toEqual(before)
  })
}

/** Everything that a request could change, as its owners and clients see it. */
async function everything(world: BadInputWorld): Promise<unknown> {
  const { test, owner, second, client, pending } = world
  return Promise.all([
    ...[owner.http, second].flatMap((http) =>
      ['/api/portals', '/api/v1/uploads', '/api/storage/accounts'].map((path) =>
        http.call('GET', path),
      ),
    ),
    ...PROVIDERS.map(({ id }) => test.delivered(owner.email, id)),
    statuses(client, pending),
    ...pending.uploads.map(({ uploadId }) => listParts(client, pending.uploadToken, uploadId)),
  ])
}

export function planAt({ uploads }: IntentReply, index: number): UploadPlan {
  const plan = uploads[index]
  if (!plan) throw new Error(`there is no plan ${index}`)
  return plan
}
