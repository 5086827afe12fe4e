import { accountStore } from '../../shared/accounts/account-store.ts'
import { grantStore } from '../../shared/accounts/grant-store.ts'
import { listAccounts } from '../../shared/accounts/list-accounts.ts'
import { deactivateAccount, reactivateAccount } from '../../shared/accounts/set-account-status.ts'
import { accountChoice } from '../../shared/contract/accounts.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, owner } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { portalStore } from '../../shared/portals/portal-store.ts'
import { sessionStore } from '../../shared/users/session-store.ts'
import { userStore } from '../../shared/users/user-store.ts'

const table = environmentTable()
const deps = {
  table,
  clock: systemClock,
  accounts: accountStore(table, systemClock),
  portals: portalStore(table, systemClock),
  grants: grantStore(table, systemClock),
  users: userStore(table, systemClock),
}

export const handler = api(environmentEdge(sessionStore(table, systemClock)), {
  'GET /api/storage/accounts': owner({}, async ({ userId }) =>
    json(200, { accounts: await listAccounts(deps, userId) }),
  ),
  'POST /api/storage/deactivate': owner({ body: accountChoice }, async ({ userId, body }) =>
    json(200, await deactivateAccount(deps, userId, body)),
  ),
  'POST /api/storage/reactivate': owner({ body: accountChoice }, async ({ userId, body }) =>
    json(200, await reactivateAccount(deps, userId, body)),
  ),
})
