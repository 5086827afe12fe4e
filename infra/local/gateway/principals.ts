import type { PolicyDocument } from '../policy-document.ts'
import { checkPolicy } from './policy.ts'

/** An access key and what its holder may do. */
export interface Principal {
  accessKeyId: string
  secretAccessKey: string
  /** Present for temporary credentials: every request must carry exactly this token. */
  sessionToken?: string
  /** ARN of the role or user, as policies name it. */
  arn: string
  /** Name of the role's session, shown in refusals as AWS does. */
  sessionName?: string
  policies: readonly PolicyDocument[] | 'unrestricted'
}

/** Everyone who may sign a request here. */
export class PrincipalStore {
  readonly #byAccessKey = new Map<string, Principal>()

  /** Adds a principal or replaces the one with the same access key; a policy that cannot be judged throws. */
  register(principal: Principal): void {
    if (principal.policies !== 'unrestricted') principal.policies.forEach(checkPolicy)
    this.#byAccessKey.set(principal.accessKeyId, { ...principal })
  }

  remove(accessKeyId: string): void {
    this.#byAccessKey.delete(accessKeyId)
  }

  find(accessKeyId: string): Principal | undefined {
    return this.#byAccessKey.get(accessKeyId)
  }
}

/** The caller as a refusal names it: a role in use shows as its session. */
export function callerArn(principal: Principal): string {
  const role = /^arn:aws:iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(principal.arn)
  if (!role || principal.sessionName === undefined) return principal.arn
  return `arn:aws:sts::${role[1]}:assumed-role/${role[2]}/${principal.sessionName}`
}
