import * as z from 'zod'
import { environmentTable } from '../platform/clients.ts'
import { systemClock } from '../platform/clock.ts'
import { optionalEnv, requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { environmentFlows } from '../providers/environment.ts'
import { flowStore } from './flow-store.ts'
import { sessionStore } from './session-store.ts'
import { userStore } from './user-store.ts'

const signUp = z.enum(['closed', 'allow-list', 'open'])

/** Who may become an owner of this deployment. */
function environmentSignUp() {
  const allowed = optionalEnv(ENV.signUpAllowList) ?? ''
  return {
    signUp: signUp.parse(requireEnv(ENV.signUp)),
    allowList: allowed.split(',').flatMap((entry) => entry.trim() || []),
  }
}

/** What signing in needs. */
export function environmentSignIn() {
  const table = environmentTable()
  return {
    oauth: environmentFlows(),
    flows: flowStore(table, systemClock),
    users: userStore(table, systemClock),
    sessions: sessionStore(table, systemClock),
    ...environmentSignUp(),
  }
}

/** What settings need. */
export function environmentSettings() {
  const table = environmentTable()
  return { table, users: userStore(table, systemClock), clock: systemClock }
}
