import { verifyPasswordRequest } from '../../shared/contract/portals.ts'
import { clientAddress } from '../../shared/http/client-address.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, json, open } from '../../shared/http/endpoint.ts'
import { environmentPublicPortals } from '../../shared/portals/environment.ts'
import { getPublicPortal, verifyPortalPassword } from '../../shared/portals/public-portal.ts'

const deps = environmentPublicPortals()

export const handler = api(environmentEdge(), {
  'GET /api/portals/public/{slug}': open({}, async (request) => {
    const visitor = { address: clientAddress(request), token: request.bearer }
    return json(200, await getPublicPortal(deps, request.params.slug, visitor))
  }),
  'POST /api/portals/public/{slug}/verify': open({ body: verifyPasswordRequest }, async (request) =>
    json(
      200,
      await verifyPortalPassword(
        deps,
        request.params.slug,
        request.body.password,
        clientAddress(request),
      ),
    ),
  ),
})
