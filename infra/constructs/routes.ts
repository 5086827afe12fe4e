/** The API's doors: which function answers which route. */
import type { FunctionName } from './function-list.ts'

type RouteKey = `${'ANY' | 'GET' | 'POST' | 'PUT' | 'DELETE'} /api/${string}`

export const ROUTES = {
  auth: [
    'GET /api/auth/providers',
    'GET /api/auth/login/{provider}',
    'GET /api/auth/callback/{provider}',
    'POST /api/auth/logout',
    'GET /api/auth/session',
  ],
  connect: ['GET /api/oauth/{provider}/start', 'GET /api/oauth/{provider}/callback'],
  accounts: [
    'GET /api/storage/accounts',
    'POST /api/storage/deactivate',
    'POST /api/storage/reactivate',
    'POST /api/storage/disconnect',
    'POST /api/storage/fix-accounts',
    'POST /api/storage/sync-oauth-status',
    'POST /api/storage/refresh-token',
    'GET /api/v1/storage',
  ],
  portals: [
    'GET /api/portals',
    'POST /api/portals',
    'GET /api/portals/{id}',
    'PUT /api/portals/{id}',
    'DELETE /api/portals/{id}',
  ],
  uploads: [
    'GET /api/v1/uploads',
    'GET /api/uploads/{id}',
    'DELETE /api/uploads/{id}',
    'POST /api/uploads/{id}/retry',
    'GET /api/uploads/{id}/download',
    'POST /api/clients/erase',
  ],
  events: ['GET /api/events'],
  settings: [
    'GET /api/settings/profile',
    'PUT /api/settings/profile',
    'GET /api/settings/notifications',
    'PUT /api/settings/notifications',
  ],
  // What no other route takes is answered there in the words of all other problems.
  'public-portals': [
    'GET /api/portals/public/{slug}',
    'POST /api/portals/public/{slug}/verify',
    'ANY /api/{proxy+}',
  ],
  'client-uploads': [
    'POST /api/upload',
    'POST /api/upload/{id}/parts',
    'GET /api/upload/{id}/parts',
    'POST /api/upload/{id}/complete',
    'DELETE /api/upload/{id}',
    'GET /api/submissions/{id}',
    'POST /api/submissions/{id}/complete',
  ],
} as const satisfies Partial<Record<FunctionName, readonly RouteKey[]>>

/** The functions that answer HTTP. */
export type ApiFunctionName = keyof typeof ROUTES

export const API_FUNCTION_NAMES = Object.keys(ROUTES) as ApiFunctionName[]
