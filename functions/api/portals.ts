import { environmentAccounts } from '../../shared/accounts/environment.ts'
import {
  createPortalRequest,
  type PortalReply,
  portalsQuery,
  updatePortalRequest,
} from '../../shared/contract/portals.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, json, owner, page } from '../../shared/http/endpoint.ts'
import { rateLimits } from '../../shared/limits/rate-limits.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { deletePortal, updatePortal } from '../../shared/portals/change-portal.ts'
import * as manage from '../../shared/portals/manage-portals.ts'

const table = environmentTable()
const deps = { ...environmentAccounts(table), limits: rateLimits(table, systemClock) }
const versioned = (status: number, portal: PortalReply) =>
  json(status, portal, { etag: `"${portal.version}"` })

export const handler = api(environmentOwnerEdge(), {
  'GET /api/portals': owner({ query: portalsQuery }, async ({ userId, query }) => {
    const { portals, cursor } = await manage.listPortals(deps, userId, query.limit, query.cursor)
    return page(portals, cursor)
  }),
  'POST /api/portals': owner({ body: createPortalRequest }, async ({ userId, body }) =>
    versioned(201, await manage.createPortalWithStorageBinding(deps, userId, body)),
  ),
  'GET /api/portals/{id}': owner({}, async ({ userId, params }) =>
    versioned(200, await manage.getPortal(deps, userId, params.id)),
  ),
  'PUT /api/portals/{id}': owner(
    { body: updatePortalRequest },
    async ({ userId, params, body, headers }) =>
      versioned(200, await updatePortal(deps, userId, params.id, body, headers['if-match'])),
  ),
  'DELETE /api/portals/{id}': owner({}, async ({ userId, params }) =>
    json(200, await deletePortal(deps, userId, params.id)),
  ),
})
