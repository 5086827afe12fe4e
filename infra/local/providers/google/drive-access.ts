/** Which account a Drive call acts for, through which client, and what its scopes allow. */
import type { Account, AccountStore } from '../account-store.ts'
import { bearerToken, type Exchange } from '../exchange.ts'
import type { OAuthStore } from '../oauth-store.ts'
import { DriveError } from './drive-error.ts'

const SCOPE = 'https://www.googleapis.com/auth/drive'
/** What a call does; each needs one of its scopes. https://developers.google.com/workspace/drive/api/guides/api-specific-auth */
const SCOPES_FOR = {
  write: [SCOPE, `${SCOPE}.file`],
  read: [SCOPE, `${SCOPE}.file`, `${SCOPE}.readonly`],
  metadata: [SCOPE, `${SCOPE}.file`, `${SCOPE}.readonly`, `${SCOPE}.metadata.readonly`],
}
const SEES_EVERYTHING = [SCOPE, `${SCOPE}.readonly`, `${SCOPE}.metadata.readonly`]

export type Purpose = keyof typeof SCOPES_FOR

export interface Caller {
  account: Account
  clientId: string
  /** False: only what this client created ("per-file access" of drive.file). */
  seesEverything: boolean
}

export function authenticate(
  parts: { accounts: AccountStore; oauth: OAuthStore },
  exchange: Exchange,
  purpose: Purpose,
): Caller {
  const token = bearerToken(exchange) ?? exchange.url.searchParams.get('access_token') ?? ''
  const grant = parts.oauth.findAccessToken(token)
  const account = grant?.isExpired === false && parts.accounts.byId(grant.accountId)
  if (!account) {
    throw new DriveError(401, 'authError', 'Invalid Credentials', {
      location: 'Authorization',
      locationType: 'header',
    })
  }
  exchange.account = account.email
  if (!grant.scopes.some((scope) => SCOPES_FOR[purpose].includes(scope))) {
    throw new DriveError(
      403,
      'insufficientPermissions',
      'Request had insufficient authentication scopes.',
    )
  }
  return {
    account,
    clientId: grant.clientId,
    seesEverything: grant.scopes.some((scope) => SEES_EVERYTHING.includes(scope)),
  }
}
