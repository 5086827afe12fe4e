import { type ProvidersReply, startQuery } from '../../shared/contract/auth.ts'
import { environmentEdge } from '../../shared/http/edge.ts'
import { api, isCrossSite, json, open, refuseCrossSite } from '../../shared/http/endpoint.ts'
import * as flow from '../../shared/http/flow-replies.ts'
import { currentUser, signOut } from '../../shared/users/current-user.ts'
import { environmentSignIn } from '../../shared/users/environment.ts'
import { beginSignIn, signIn } from '../../shared/users/sign-in.ts'

const deps = environmentSignIn()

export const handler = api(environmentEdge(), {
  'GET /api/auth/providers': open({}, async () =>
    json(200, { providers: await deps.oauth.offered() } satisfies ProvidersReply),
  ),
  'GET /api/auth/login/{provider}': open({ query: startQuery }, async (request) => {
    refuseCrossSite(request)
    return flow.toProvider(request, await beginSignIn(deps, request, request.query.returnTo))
  }),
  'GET /api/auth/callback/{provider}': open({}, async (request) => {
    const { returnTo, sessionToken } = await signIn(deps, flow.callbackOf(request))
    return flow.intoApp(request, returnTo, sessionToken)
  }),
  'POST /api/auth/logout': open({}, async (request) => {
    await signOut(deps, flow.sessionToken(request))
    return flow.signedOut(request)
  }),
  'GET /api/auth/session': open({}, async (request) =>
    json(200, await currentUser(deps, flow.sessionToken(request), isCrossSite(request))),
  ),
})
