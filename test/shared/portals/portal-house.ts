/** An owner with two storage accounts in a real table. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import type * as z from 'zod'
import type { Account } from '../../../shared/accounts/account.ts'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import {
  type CreatePortalRequest,
  createPortalRequest,
  type UpdatePortalRequest,
  updatePortalRequest,
} from '../../../shared/contract/portals.ts'
import { rateLimits } from '../../../shared/limits/rate-limits.ts'
import { INDEX, type Item, type Table, transact } from '../../../shared/platform/table.ts'
import { deletePortal, updatePortal } from '../../../shared/portals/change-portal.ts'
import { createPortalWithStorageBinding } from '../../../shared/portals/manage-portals.ts'
import { portalStore } from '../../../shared/portals/portal-store.ts'
import { newAccount } from '../../support/make.ts'
import { steeredClock } from '../../support/steered-clock.ts'

export type PortalHouse = Awaited<ReturnType<typeof openPortalHouse>>

export async function openPortalHouse(table: Table) {
  const clock = steeredClock()
  const accounts = accountStore(table, clock)
  const portals = portalStore(table, clock)
  const account = newAccount(clock.now())
  const second: Account = { ...newAccount(clock.now()), userId: account.userId }
  await transact(table, [accounts.create(account), accounts.create(second)])
  const deps = { table, clock, accounts, portals, limits: rateLimits(table, clock) }
  let links = 0

  function request(over: Partial<CreatePortalRequest> = {}): z.output<typeof createPortalRequest> {
    links += 1
    return createPortalRequest.parse({
      name: 'Letters',
      slug: `${account.userId.replace('_', '-')}-${links}`,
      storageProvider: 'google_drive',
      storageAccountId: account.id,
      ...over,
    })
  }

  return {
    ...deps,
    account,
    second,
    request,

    create: (over?: Partial<CreatePortalRequest>, userId = account.userId) =>
      createPortalWithStorageBinding(deps, userId, request(over)),

    update: (portal: { id: string; version: number }, body: UpdatePortalRequest) =>
      updatePortal(
        deps,
        account.userId,
        portal.id,
        updatePortalRequest.parse(body),
        `"${portal.version}"`,
      ),

    updateUnseen: (portalId: string, ifMatch: string | undefined) =>
      updatePortal(deps, account.userId, portalId, { name: 'New' }, ifMatch),

    delete: (portalId: string) => deletePortal(deps, account.userId, portalId),

    async events(subjectId: string): Promise<Item[]> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': `events#${account.userId}` },
        }),
      )
      return (reply.Items ?? []).filter((event) => event['subjectId'] === subjectId)
    },
  }
}
