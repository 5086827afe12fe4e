/** Accounts, their room, tokens and identity. */
import * as z from 'zod'
import { namesOf, usedBytes } from '../account-store.ts'
import { jsonReply } from '../exchange.ts'
import { apiFunction, argumentless, rootInfo } from './api-call.ts'
import { DropboxError, tagged } from './dropbox-error.ts'
import { identityClaims } from './identity.ts'
import { ACCOUNT_SCOPE } from './scopes.ts'

/** An allocation is a number, also where there is no limit. */
const UNLIMITED_BYTES = 2 ** 50

export const getCurrentAccount = argumentless({
  scope: ACCOUNT_SCOPE,
  run({ account }) {
    const { given, family } = namesOf(account)
    const initials = [given, family].map((name) => name.slice(0, 1).toUpperCase()).join('')
    return jsonReply(200, {
      account_id: account.id,
      name: {
        given_name: given,
        surname: family,
        familiar_name: given,
        display_name: account.name,
        abbreviated_name: initials,
      },
      email: account.email,
      email_verified: true,
      disabled: false,
      country: 'US',
      locale: 'en',
      referral_link: 'https://www.dropbox.com/referrals/example',
      is_paired: false,
      account_type: { '.tag': 'pro' },
      root_info: rootInfo(account),
    })
  },
})

export const getSpaceUsage = argumentless({
  scope: ACCOUNT_SCOPE,
  run: ({ account }) =>
    jsonReply(200, {
      used: usedBytes(account),
      allocation: { '.tag': 'individual', allocated: account.totalBytes ?? UNLIMITED_BYTES },
    }),
})

export const checkUser = apiFunction({
  style: 'rpc',
  scope: ACCOUNT_SCOPE,
  arg: z.strictObject({ query: z.string().max(500).default('') }),
  run: ({ arg }) => jsonReply(200, { result: arg.query }),
})

export const revokeToken = argumentless({
  run({ parts, token }) {
    parts.oauth.revokeGrant(token)
    return jsonReply(200, null)
  },
})

/** "refreshing the info that is found in the id_token". */
export const userinfo = argumentless({
  scope: 'openid',
  run({ parts, account, scopes }) {
    const claims = identityClaims(account, scopes)
    if (Object.keys(claims).length === 1) {
      throw new DropboxError(tagged('openid_error', 'incorrect_openid_scopes'))
    }
    return jsonReply(200, { iss: parts.issuer(), ...claims })
  },
})
