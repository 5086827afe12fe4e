import type { OauthProviderId } from '../contract/common.ts'
import type { Locale, NotificationsReply } from '../contract/settings.ts'

/** Who a provider says somebody is; found by (provider, subject), never by e-mail. */
export interface Identity {
  provider: OauthProviderId
  subject: string
  email: string | null
  emailVerified: boolean
  name: string | null
  image: string | null
}

export interface User {
  id: string
  email: string | null
  name: string | null
  image: string | null
  createdAt: string
  /** Set once the owner has chosen the name; until then it is the provider's. */
  nameIsOwn?: boolean
  /** Absent until it is set. */
  locale?: Locale
  notifications?: NotificationsReply
  /** Counts changes of settings; absent before the first. */
  settingsVersion?: number
  /** The owner's own rule: no second address of one provider. Absent until it is set. */
  singleEmailPerProvider?: boolean
}

export type SignUp = 'closed' | 'allow-list' | 'open'

/**
 * Whether a new identity may become a user (security rule 3). The list holds e-mail addresses, which
 * count only when the provider verified them, and subjects as `provider:subject`.
 */
export function maySignUp(signUp: SignUp, allowList: string[], identity: Identity): boolean {
  if (signUp !== 'allow-list') return signUp === 'open'
  const subject = `${identity.provider}:${identity.subject}`
  const verifiedEmail = identity.emailVerified ? identity.email?.toLowerCase() : undefined
  return allowList.some((entry) => entry === subject || entry.toLowerCase() === verifiedEmail)
}
