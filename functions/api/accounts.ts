import { environmentAccounts } from '../../shared/accounts/environment.ts'
import { listAccounts } from '../../shared/accounts/list-accounts.ts'
import { deactivateAccount, reactivateAccount } from '../../shared/accounts/set-account-status.ts'
import { accountChoice } from '../../shared/contract/accounts.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, json, owner } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const deps = environmentAccounts(environmentTable())

export const handler = api(environmentOwnerEdge(), {
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
