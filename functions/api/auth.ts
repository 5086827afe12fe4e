import { environmentOauth } from '../../shared/accounts/environment.ts'
import { startQuery } from '../../shared/contract/auth.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, isCrossSite, json, open } from '../../shared/http/endpoint.ts'
import {
  browserToken,
  intoApp,
  sessionToken,
  signedOut,
  toProvider,
} from '../../shared/http/flow-replies.ts'
import { environmentTable } from '../../shared/platform/clients.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { currentUser, signOut } from '../../shared/users/current-user.ts'
import { environmentSignUp } from '../../shared/users/environment.ts'
import { flowStore } from '../../shared/users/flow-store.ts'
import { safeReturnTo } from '../../shared/users/return-to.ts'
import { sessionStore } from '../../shared/users/session-store.ts'
import { beginFlow, mustBeOffered, signIn } from '../../shared/users/sign-in.ts'
import { userStore } from '../../shared/users/user-store.ts'

const table = environmentTable()
const deps = {
  oauth: environmentOauth(),
  flows: flowStore(table, systemClock),
  users: userStore(table, systemClock),
  sessions: sessionStore(table, systemClock),
  ...environmentSignUp(),
}

export const handler = api(environmentEdge(), {
  'GET /api/auth/login/{provider}': open({ query: startQuery }, async (request) => {
    mustBeOffered(deps, request.params['provider'])
    const returnTo = safeReturnTo(request.query.returnTo, request.origin)
    return toProvider(request, await beginFlow(deps, request.origin, { kind: 'login', returnTo }))
  }),
  'GET /api/auth/callback/{provider}': open({}, async (request) => {
    mustBeOffered(deps, request.params['provider'])
    const signedIn = await signIn(deps, { ...request, browserToken: browserToken(request) })
    return intoApp(request, signedIn.returnTo, signedIn.sessionToken)
  }),
  'POST /api/auth/logout': open({}, async (request) => {
    await signOut(deps, sessionToken(request))
    return signedOut(request)
  }),
  'GET /api/auth/session': open({}, async (request) =>
    json(200, await currentUser(deps, sessionToken(request), isCrossSite(request))),
  ),
})
