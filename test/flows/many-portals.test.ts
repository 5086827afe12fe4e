/** An account whose portals do not fit into the transaction of its change (A9, A30); told once, as no provider is asked. */
import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { newStory, type Story, say } from '../support/account-story.ts'
import { pass } from '../support/keepers.ts'
import { startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { dumpTable, withTable } from './security/attack.ts'

/** Twenty times what fits into the transaction. */
const PORTALS = 1000
const MINUTE = 60

let test: TestCloud
let owner: Story

beforeAll(async () => {
  test = await startTestCloud()
  owner = await newStory(test, 'google')
  await copyPortal(PORTALS - 1)
}, 180_000)
afterAll(() => test.close())

it('stops them all, and each refuses at once', { timeout: 180_000 }, async () => {
  expect(await say(owner, 'deactivate')).toMatchObject({ deactivatedPortals: PORTALS })

  const path = `/api/portals/public/copy-${PORTALS - 1}`
  const last = await owner.http.call<OpenPortalReply>('GET', path)
  expect(last).toMatchObject({ acceptsUploads: false, reason: 'paused' })
  await pass(test, MINUTE)
  expect(await flags()).toEqual({ 'false SYSTEM STORAGE_INACTIVE': PORTALS })
})

it('starts them all again', { timeout: 180_000 }, async () => {
  expect(await say(owner, 'reactivate')).toMatchObject({ reactivatedPortals: PORTALS })

  await pass(test, MINUTE)
  expect(await flags()).toEqual({ 'true null null': PORTALS })
})

/** How many portals of the account are flagged how. */
async function flags(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  await withTable(test, async (client, TableName) => {
    let ExclusiveStartKey: Record<string, unknown> | undefined
    do {
      const page = await client.send(
        new QueryCommand({
          TableName,
          IndexName: 'byAccount',
          KeyConditionExpression: 'accountPk = :portals',
          ExpressionAttributeValues: { ':portals': `portals#${owner.accountId}` },
          ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}),
        }),
      )
      for (const portal of page.Items ?? []) {
        const { isActive, deactivatedBy, deactivationReason } = portal
        const flag = `${isActive} ${deactivatedBy} ${deactivationReason}`
        counts[flag] = (counts[flag] ?? 0) + 1
      }
      ExclusiveStartKey = page.LastEvaluatedKey
    } while (ExclusiveStartKey)
  })
  return counts
}

/** Portals like the owner's first, written straight into the table; the last one has its link. */
async function copyPortal(copies: number): Promise<void> {
  const original = (await dumpTable(test)).get(`portal#${owner.portal.id} portal`)
  const numbers = Array.from({ length: copies }, (_, index) => index + 1)
  const items: Record<string, unknown>[] = numbers.map((number) => {
    const id = `prt_copy${String(number).padStart(20, '0')}`
    const time = `${original?.['createdAt']}#${id}`
    const keys = { pk: `portal#${id}`, ownerSk: time, accountSk: time }
    return { ...original, ...keys, id, slug: `copy-${number}` }
  })
  const { id: portalId, slug, userId } = items.at(-1) ?? {}
  items.push({ pk: `slug#${slug}`, sk: 'slug', portalId, userId })
  const requests = items.map((Item) => ({ PutRequest: { Item } }))
  await withTable(test, async (client, TableName) => {
    for (let first = 0; first < requests.length; first += 25) {
      const RequestItems = { [TableName]: requests.slice(first, first + 25) }
      const { UnprocessedItems = {} } = await client.send(new BatchWriteCommand({ RequestItems }))
      expect(UnprocessedItems).toEqual({})
    }
  })
}
