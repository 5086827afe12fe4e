import { environmentAccountRepair } from '../../shared/accounts/environment.ts'
import { listAccounts } from '../../shared/accounts/list-accounts.ts'
import { fixAccounts, getStorage, syncOauthStatus } from '../../shared/accounts/repair-accounts.ts'
import * as set from '../../shared/accounts/set-account-status.ts'
import * as contract from '../../shared/contract/accounts.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, isCrossSite, json, owner } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const deps = environmentAccountRepair(environmentTable())

export const handler = api(environmentOwnerEdge(), {
  'GET /api/storage/accounts': owner({}, async ({ userId }) =>
    json(200, { accounts: await listAccounts(deps, userId) }),
  ),
  'GET /api/v1/storage': owner({ query: contract.storageQuery }, async (request) => {
    const repair = request.query.repair === 'true' && !isCrossSite(request)
    return json(200, await getStorage(deps, request.userId, { repair }))
  }),
  'POST /api/storage/deactivate': owner(
    { body: contract.deactivateRequest },
    async ({ userId, body: { mode, ...choice } }) =>
      json(
        200,
        mode === 'disconnected'
          ? await set.disconnectAccount(deps, userId, choice)
          : await set.deactivateAccount(deps, userId, choice),
      ),
  ),
  'POST /api/storage/disconnect': owner(
    { body: contract.accountChoice },
    async ({ userId, body }) => json(200, await set.disconnectAccount(deps, userId, body)),
  ),
  'POST /api/storage/reactivate': owner(
    { body: contract.accountChoice },
    async ({ userId, body }) => json(200, await set.reactivateAccount(deps, userId, body)),
  ),
  'POST /api/storage/fix-accounts': owner({}, async ({ userId }) =>
    json(200, await fixAccounts(deps, userId)),
  ),
  'POST /api/storage/sync-oauth-status': owner({}, async ({ userId }) =>
    json(200, await syncOauthStatus(deps, userId)),
  ),
  'POST /api/storage/refresh-token': owner(
    { body: contract.refreshTokenRequest },
    async ({ userId, body }) =>
      json(200, await set.refreshToken(deps, userId, body.storageAccountId)),
  ),
})
