/** What functions that act at a provider are made of. */
import { rateLimits } from '../limits/rate-limits.ts'
import { kmsClient } from '../platform/clients.ts'
import { sleep, systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import type { Table } from '../platform/table.ts'
import { portalStore } from '../portals/portal-store.ts'
import { environmentAccess, environmentFlows, environmentTokens } from '../providers/environment.ts'
import { flowStore } from '../users/flow-store.ts'
import { userStore } from '../users/user-store.ts'
import { accountStore } from './account-store.ts'
import { disconnectRefused } from './disconnect-refused.ts'
import { freshTokens } from './fresh-token.ts'
import { grantStore } from './grant-store.ts'
import { tokenVault } from './token-vault.ts'

export function environmentVault() {
  return tokenVault({ kms: kmsClient(), keyArn: requireEnv(ENV.grantKeyArn) })
}

/** Accounts, portals and tokens; a grant that turns out dead disconnects its account. */
export function environmentProviders(table: Table) {
  const clock = systemClock
  const accounts = accountStore(table, clock)
  const portals = portalStore(table, clock)
  const grants = grantStore(table, clock)
  const vault = environmentVault()
  return {
    table,
    clock,
    accounts,
    portals,
    grants,
    vault,
    provider: environmentAccess(),
    freshToken: freshTokens({
      grants,
      vault,
      oauth: environmentTokens(),
      clock,
      sleep,
      random: Math.random,
      onRefused: (grant) => disconnectRefused({ table, accounts, portals, grants, clock }, grant),
    }),
  }
}

/** What the owner's page about accounts needs: to look, to change, to probe and to put right. */
export function environmentAccountRepair(table: Table) {
  return {
    ...environmentProviders(table),
    users: userStore(table, systemClock),
    limits: rateLimits(table, systemClock),
    oauth: environmentTokens(),
    random: Math.random,
  }
}

/** What connecting needs: consent becomes a grant, sealed, and an account. */
export function environmentConnect(table: Table) {
  return {
    ...environmentAccounts(table),
    oauth: environmentFlows(),
    vault: environmentVault(),
    flows: flowStore(table, systemClock),
  }
}

/** What the owner's pages about portals need. */
export function environmentAccounts(table: Table) {
  const clock = systemClock
  return {
    table,
    clock,
    accounts: accountStore(table, clock),
    portals: portalStore(table, clock),
    grants: grantStore(table, clock),
    users: userStore(table, clock),
  }
}
