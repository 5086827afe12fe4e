/** What the public side of portals is made of. */
import { accountStore } from '../accounts/account-store.ts'
import { rateLimits } from '../limits/rate-limits.ts'
import { environmentSecrets, environmentTable } from '../platform/clients.ts'
import { sleep, systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { signingKeyReader } from '../platform/secrets.ts'
import { portalStore } from './portal-store.ts'

export function environmentPublicPortals() {
  const table = environmentTable()
  const clock = systemClock
  return {
    clock,
    sleep,
    accounts: accountStore(table, clock),
    portals: portalStore(table, clock),
    limits: rateLimits(table, clock),
    portalKeys: signingKeyReader(environmentSecrets(), requireEnv(ENV.portalKeySecret)),
  }
}
