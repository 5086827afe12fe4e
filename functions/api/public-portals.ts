import { accountStore } from '../../shared/accounts/account-store.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, open } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { portalStore } from '../../shared/portals/portal-store.ts'
import { getPublicPortal } from '../../shared/portals/public-portal.ts'

const table = environmentTable()
const deps = {
  accounts: accountStore(table, systemClock),
  portals: portalStore(table, systemClock),
}

export const handler = api(environmentEdge(), {
  'GET /api/portals/public/{slug}': open({}, async ({ params }) =>
    json(200, await getPublicPortal(deps, params.slug)),
  ),
})
