/** What functions that serve clients are made of. */
import { accountStore } from '../accounts/account-store.ts'
import { environmentSecrets, environmentStaging, environmentTable } from '../platform/clients.ts'
import { systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { signingKeyReader } from '../platform/secrets.ts'
import { portalStore } from '../portals/portal-store.ts'
import { signingStore } from './signing-store.ts'
import { submissionStore } from './submission-store.ts'
import { uploadStore } from './upload-store.ts'

export function environmentClient() {
  const table = environmentTable()
  const clock = systemClock
  const secrets = environmentSecrets()
  return {
    table,
    clock,
    staging: environmentStaging(),
    accounts: accountStore(table, clock),
    portals: portalStore(table, clock),
    submissions: submissionStore(table),
    uploads: uploadStore(table, clock),
    signings: signingStore(table),
    keys: {
      write: signingKeyReader(secrets, requireEnv(ENV.writeKeySecret)),
      read: signingKeyReader(secrets, requireEnv(ENV.readKeySecret)),
    },
  }
}
