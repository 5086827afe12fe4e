import * as z from 'zod'
import { optionalEnv, requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'

const signUp = z.enum(['closed', 'allow-list', 'open'])

/** Who may become an owner of this deployment. */
export function environmentSignUp() {
  const allowed = optionalEnv(ENV.signUpAllowList) ?? ''
  return {
    signUp: signUp.parse(requireEnv(ENV.signUp)),
    allowList: allowed.split(',').flatMap((entry) => entry.trim() || []),
  }
}
