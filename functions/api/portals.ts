import { accountStore } from '../../shared/accounts/account-store.ts'
import { pageQuery } from '../../shared/contract/common.ts'
import { createPortalRequest } from '../../shared/contract/portals.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, owner, page } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import {
  createPortalWithStorageBinding,
  getPortal,
  listPortals,
} from '../../shared/portals/manage-portals.ts'
import { portalStore } from '../../shared/portals/portal-store.ts'
import { sessionStore } from '../../shared/users/session-store.ts'

const table = environmentTable()
const deps = {
  table,
  clock: systemClock,
  accounts: accountStore(table, systemClock),
  portals: portalStore(table, systemClock),
}

export const handler = api(environmentEdge(sessionStore(table, systemClock)), {
  'GET /api/portals': owner({ query: pageQuery(100) }, async ({ userId, query }) => {
    const { portals, cursor } = await listPortals(deps, userId, query.limit, query.cursor)
    return page(portals, cursor)
  }),
  'POST /api/portals': owner({ body: createPortalRequest }, async ({ userId, body }) =>
    json(201, await createPortalWithStorageBinding(deps, userId, body)),
  ),
  'GET /api/portals/{id}': owner({}, async ({ userId, params }) =>
    json(200, await getPortal(deps, userId, params['id'] ?? '')),
  ),
})
