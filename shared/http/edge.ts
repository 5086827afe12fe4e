import { environmentSecrets, environmentTable, parametersClient } from '../platform/clients.ts'
import { systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { originReader, originVerifyReader } from '../platform/secrets.ts'
import { sessionStore } from '../users/session-store.ts'
import type { EdgeDeps } from './endpoint.ts'

/** What every API function needs before it looks at a request. */
export function environmentEdge(): EdgeDeps {
  return {
    origin: originReader(
      { parameters: parametersClient(), clock: systemClock },
      requireEnv(ENV.originParameter),
    ),
    originVerify: originVerifyReader(environmentSecrets(), requireEnv(ENV.originVerifySecret)),
  }
}

/** The same for functions that serve owners: they may read sessions. */
export function environmentOwnerEdge(): EdgeDeps {
  return { ...environmentEdge(), sessions: sessionStore(environmentTable(), systemClock) }
}
