import { beginConnect, connectAccount } from '../../shared/accounts/connect-account.ts'
import { environmentConnect } from '../../shared/accounts/environment.ts'
import { startQuery } from '../../shared/contract/auth.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, owner, refuseCrossSite } from '../../shared/http/endpoint.ts'
import * as flow from '../../shared/http/flow-replies.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const deps = environmentConnect(environmentTable())

export const handler = api(environmentOwnerEdge(), {
  'GET /api/oauth/{provider}/start': owner({ query: startQuery }, async (request) => {
    refuseCrossSite(request)
    return flow.toProvider(request, await beginConnect(deps, request, request.query.returnTo))
  }),
  'GET /api/oauth/{provider}/callback': owner({}, async (request) =>
    flow.intoApp(request, await connectAccount(deps, { ...request, ...flow.callbackOf(request) })),
  ),
})
