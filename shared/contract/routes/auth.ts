import { providersReply, sessionReply, startQuery } from '../auth.ts'
import { oauthProviderId } from '../common.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import { USER_ID } from './example-ids.ts'

const tag = 'Sign-in'
const params = { provider: oauthProviderId }

export const AUTH_ROUTES = {
  'GET /api/auth/providers': {
    id: 'listProviders',
    tag,
    summary: 'With whom owners can sign in and connect storage here',
    description: 'A provider without an OAuth client of this deployment is not among them.',
    caller: 'anybody',
    replies: {
      200: {
        summary: 'The providers',
        json: {
          schema: providersReply,
          examples: { both: { providers: ['google', 'dropbox'] } },
        },
      },
    },
  },
  'GET /api/auth/login/{provider}': {
    id: 'beginSignIn',
    tag,
    summary: 'Begin signing in with a provider',
    description:
      'For a browser: it goes on to the provider and ends at `returnTo`. Anything but a path of the app becomes `/`.',
    caller: 'anybody',
    params,
    query: startQuery,
    replies: { 302: { summary: 'The provider’s page', headers: ['Location', 'Set-Cookie'] } },
    problems: ['FORBIDDEN_ORIGIN'],
  },
  'GET /api/auth/callback/{provider}': {
    id: 'endSignIn',
    tag,
    summary: 'Where the provider sends the browser back to',
    description:
      'Its query is the provider’s; a state that did not begin in this browser is refused.',
    caller: 'anybody',
    params,
    replies: { 302: { summary: 'Signed in', headers: ['Location', 'Set-Cookie'] } },
    problems: [
      'OAUTH_CALLBACK_INVALID',
      'SIGN_IN_DENIED',
      'SIGNUP_CLOSED',
      'BUSY',
      'PROVIDER_UNAVAILABLE',
    ],
  },
  'POST /api/auth/logout': {
    id: 'signOut',
    tag,
    summary: 'End the session',
    caller: 'anybody',
    replies: { 204: { summary: 'Signed out', headers: ['Set-Cookie'] } },
  },
  'GET /api/auth/session': {
    id: 'getSession',
    tag,
    summary: 'Who is signed in',
    caller: 'owner',
    replies: {
      200: {
        summary: 'The owner',
        json: {
          schema: sessionReply,
          examples: {
            owner: {
              user: { id: USER_ID, email: 'user@example.com', name: 'User Name', image: null },
            },
          },
        },
      },
    },
  },
  'GET /api/oauth/{provider}/start': {
    id: 'beginConnect',
    tag,
    summary: 'Begin connecting storage',
    description:
      'For a browser: it goes on to the provider and ends at `returnTo` with `connected=<accountId>` or `connectError=<code>`.',
    caller: 'owner',
    params,
    query: startQuery,
    replies: { 302: { summary: 'The provider’s page', headers: ['Location', 'Set-Cookie'] } },
    problems: ['FORBIDDEN_ORIGIN'],
  },
  'GET /api/oauth/{provider}/callback': {
    id: 'endConnect',
    tag,
    summary: 'Where the provider sends the browser back to after consent',
    caller: 'owner',
    params,
    replies: {
      302: { summary: 'Connected, or why not', headers: ['Location', 'Set-Cookie'] },
    },
    problems: ['OAUTH_CALLBACK_INVALID', 'BUSY'],
  },
} as const satisfies Record<RouteKey, RouteContract>
