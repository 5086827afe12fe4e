/** What the functions about files are made of. */
import { accountStore } from '../accounts/account-store.ts'
import { environmentProviders } from '../accounts/environment.ts'
import { deliveryStore } from '../deliveries/delivery-store.ts'
import { addressStore } from '../limits/open-submissions.ts'
import { rateLimits } from '../limits/rate-limits.ts'
import { type DailyCaps, reservations } from '../limits/reservations.ts'
import {
  environmentOwnersStaging,
  environmentQueue,
  environmentSecrets,
  environmentStaging,
  environmentTable,
  parametersClient,
} from '../platform/clients.ts'
import { SECOND_MS, systemClock } from '../platform/clock.ts'
import { requireEnv } from '../platform/env.ts'
import { ENV } from '../platform/env-names.ts'
import { intakeOpenReader, signingKeyReader } from '../platform/secrets.ts'
import { portalStore } from '../portals/portal-store.ts'
import { downloadStore } from './download-store.ts'
import { signingStore } from './signing-store.ts'
import { submissionStore } from './submission-store.ts'
import type { IntakeDeps } from './take-in-upload.ts'
import { uploadStore } from './upload-store.ts'

/** What a client's calls need. */
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
    addresses: addressStore(table, clock),
    limits: rateLimits(table, clock),
    reservations: reservations(table, clock, environmentCaps()),
    openSubmissionsPerAddress: Number(requireEnv(ENV.openSubmissionsPerAddress)),
    random: Math.random,
    intakeOpen: intakeOpenReader(
      { parameters: parametersClient(), clock },
      requireEnv(ENV.intakeOpenParameter),
    ),
    portalKeys: signingKeyReader(secrets, requireEnv(ENV.portalKeySecret)),
    keys: {
      write: signingKeyReader(secrets, requireEnv(ENV.writeKeySecret)),
      read: signingKeyReader(secrets, requireEnv(ENV.readKeySecret)),
    },
  }
}

function environmentCaps(): DailyCaps {
  return {
    portal: {
      files: Number(requireEnv(ENV.portalDailyFiles)),
      bytes: Number(requireEnv(ENV.portalDailyBytes)),
    },
    deployment: {
      files: Number(requireEnv(ENV.deploymentDailyFiles)),
      bytes: Number(requireEnv(ENV.deploymentDailyBytes)),
    },
  }
}

/** What the owner's calls about files need. */
export function environmentOwnerUploads() {
  const table = environmentTable()
  return {
    ...environmentProviders(table),
    uploads: uploadStore(table, systemClock),
    submissions: submissionStore(table),
    deliveries: deliveryStore(table, systemClock),
    downloads: downloadStore(table, systemClock),
    staging: environmentOwnersStaging(),
    queue: environmentQueue(ENV.downloadQueueUrl),
  }
}

/** What bringing a large file back to its owner needs. */
export function environmentRestage() {
  return {
    ...environmentOwnerUploads(),
    staging: environmentStaging(),
    workSliceMs: Number(requireEnv(ENV.workSliceSeconds)) * SECOND_MS,
  }
}

export function environmentIntake(): IntakeDeps {
  const table = environmentTable()
  return {
    table,
    clock: systemClock,
    uploads: uploadStore(table, systemClock),
    deliveries: deliveryStore(table, systemClock),
    staging: environmentStaging(),
    queues: {
      'small-delivery': environmentQueue(ENV.smallDeliveryQueueUrl),
      'large-delivery': environmentQueue(ENV.largeDeliveryQueueUrl),
    },
  }
}
