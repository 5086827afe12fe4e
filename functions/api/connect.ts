import { connectAccount } from '../../shared/accounts/connect-account.ts'
import { environmentConnect } from '../../shared/accounts/environment.ts'
import { startQuery } from '../../shared/contract/auth.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, owner } from '../../shared/http/endpoint.ts'
import { browserToken, intoApp, toProvider } from '../../shared/http/flow-replies.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { safeReturnTo } from '../../shared/users/return-to.ts'
import { sessionStore } from '../../shared/users/session-store.ts'
import { beginFlow, mustBeOffered } from '../../shared/users/sign-in.ts'

const table = environmentTable()
const deps = environmentConnect(table)

export const handler = api(environmentEdge(sessionStore(table, systemClock)), {
  'GET /api/oauth/{provider}/start': owner({ query: startQuery }, async (request) => {
    mustBeOffered(deps, request.params['provider'])
    const { userId, sessionHash, origin } = request
    const returnTo = safeReturnTo(request.query.returnTo, origin)
    const flow = { kind: 'connect' as const, returnTo, userId, sessionHash }
    return toProvider(request, await beginFlow(deps, origin, flow))
  }),
  'GET /api/oauth/{provider}/callback': owner({}, async (request) => {
    mustBeOffered(deps, request.params['provider'])
    const callback = { ...request, browserToken: browserToken(request) }
    return intoApp(request, await connectAccount(deps, callback))
  }),
})
