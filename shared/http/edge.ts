import { environmentSecrets, parametersClient } from '../platform/clients.ts'
import { systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { originReader, originVerifyReader } from '../platform/secrets.ts'
import type { EdgeDeps } from './endpoint.ts'

/** What every API function needs before it looks at a request. */
export function environmentEdge(sessions?: EdgeDeps['sessions']): EdgeDeps {
  return {
    origin: originReader(
      { parameters: parametersClient(), clock: systemClock },
      requireEnv(ENV.originParameter),
    ),
    originVerify: originVerifyReader(environmentSecrets(), requireEnv(ENV.originVerifySecret)),
    ...(sessions ? { sessions } : {}),
  }
}
