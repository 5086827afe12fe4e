/**
 * Every endpoint: who may call it, what it takes and what it answers. The schemas are the very
 * objects by which the functions parse. `docs/openapi.json` is made from this table, and tests hold
 * it against the gateway's routes and the handlers. No function loads it.
 */
import type { RouteContract, RouteKey } from './route.ts'
import { ACCOUNT_ROUTES } from './routes/accounts.ts'
import { AUTH_ROUTES } from './routes/auth.ts'
import { CLIENT_UPLOAD_ROUTES } from './routes/client-uploads.ts'
import { PORTAL_ROUTES } from './routes/portals.ts'
import { SETTINGS_ROUTES } from './routes/settings.ts'
import { UPLOAD_ROUTES } from './routes/uploads.ts'

export const CONTRACT = {
  ...AUTH_ROUTES,
  ...ACCOUNT_ROUTES,
  ...PORTAL_ROUTES,
  ...CLIENT_UPLOAD_ROUTES,
  ...UPLOAD_ROUTES,
  ...SETTINGS_ROUTES,
} as const satisfies Record<RouteKey, RouteContract>

export type ContractKey = keyof typeof CONTRACT

/** The rows with their keys, in the order of the table. */
export const CONTRACT_ROWS = Object.entries(CONTRACT) as [ContractKey, RouteContract][]
