/** A portal that takes hand-overs, with a real table and a bucket that only remembers. */
import { randomBytes } from 'node:crypto'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import type { FileIntent } from '../../../shared/contract/uploads.ts'
import { addressStore } from '../../../shared/limits/open-submissions.ts'
import { rateLimits } from '../../../shared/limits/rate-limits.ts'
import { type DailyCaps, reservations } from '../../../shared/limits/reservations.ts'
import type { StagingBucket } from '../../../shared/platform/staging-bucket.ts'
import { type Table, transact } from '../../../shared/platform/table.ts'
import { limitAdjustments } from '../../../shared/portals/counted-limits.ts'
import { getPortalUploadAcceptance, type Portal } from '../../../shared/portals/portal.ts'
import { DEFAULT_SETTINGS } from '../../../shared/portals/portal-settings.ts'
import { portalStore } from '../../../shared/portals/portal-store.ts'
import {
  type CreateSubmissionDeps,
  createSubmission,
} from '../../../shared/uploads/create-submission.ts'
import type { Intent } from '../../../shared/uploads/intent.ts'
import { submissionStore } from '../../../shared/uploads/submission-store.ts'
import { uploadStore } from '../../../shared/uploads/upload-store.ts'
import { newAccount, newPortal } from '../../support/make.ts'
import { steeredClock } from '../../support/steered-clock.ts'

export const MANY: DailyCaps = {
  portal: { files: 1e6, bytes: 1e15 },
  deployment: { files: 4e6, bytes: 4e15 },
}

export type IntentHouse = Awaited<ReturnType<typeof openIntentHouse>>

export async function openIntentHouse(
  table: Table,
  settings: Partial<Portal> = {},
  caps: DailyCaps = MANY,
) {
  const clock = steeredClock()
  const accounts = accountStore(table, clock)
  const portals = portalStore(table, clock)
  const uploads = uploadStore(table, clock)
  const submissions = submissionStore(table)
  const account = newAccount(clock.now())
  const backup = { ...newAccount(clock.now()), userId: account.userId }
  const portal: Portal = { ...newPortal(account, clock.now()), ...settings }
  const limits = portals.adjustRemaining(
    portal.id,
    limitAdjustments(DEFAULT_SETTINGS, portal, { files: 0, bytes: 0 }),
  )
  await transact(table, [
    accounts.create(account),
    accounts.create(backup),
    ...portals.create(portal),
    ...(limits ? [limits] : []),
  ])

  const key = randomBytes(32)
  const keys = async () => ({ currentKeyId: 'k1', keys: new Map([['k1', key]]) })
  const objects = new Set<string>()
  const parts = new Map<string, number[]>()
  const opened: string[] = []
  const aborted: string[] = []
  const staging = {
    createMultipart: async (stagingKey: string) => {
      opened.push(stagingKey)
      return `multipart of ${stagingKey}`
    },
    signPut: async () => ({ partNumber: 1, url: 'https://s3.example', headers: {} }),
    signPart: async () => ({ partNumber: 1, url: 'https://s3.example', headers: {} }),
    head: async (stagingKey: string) =>
      objects.has(stagingKey) ? { sizeBytes: 1, etag: 'e' } : undefined,
    listParts: async (stagingKey: string) =>
      (parts.get(stagingKey) ?? []).map((size, n) => ({ partNumber: n + 1, size, etag: 'e' })),
    abortMultipart: async (stagingKey: string) => {
      aborted.push(stagingKey)
    },
  } as unknown as StagingBucket

  const deps: CreateSubmissionDeps = {
    table,
    clock,
    accounts,
    portals,
    uploads,
    submissions,
    staging,
    addresses: addressStore(table, clock),
    limits: rateLimits(table, clock),
    reservations: reservations(table, clock, caps),
    openSubmissionsPerAddress: 5,
    random: () => 0,
    intakeOpen: async () => true,
    portalKeys: keys,
    keys: { write: keys, read: keys },
  }

  const remaining = async () => (await portals.remainingOf([portal.id])).get(portal.id)

  return {
    ...deps,
    account,
    backup,
    portal,
    clock,
    /** Keys that S3 has, sizes of parts that it has, multipart uploads that were begun and given up. */
    objects,
    parts,
    opened,
    aborted,

    announce(
      files: Partial<FileIntent>[] = [{}],
      over: Partial<Intent> & { address?: string; bearer?: string } = {},
    ) {
      const { address = `of ${Math.random()}`, bearer, ...intent } = over
      return createSubmission(
        deps,
        {
          portalId: portal.id,
          files: files.map((file) => ({
            fileName: 'letter.pdf',
            fileSize: 10,
            mimeType: 'application/pdf',
            ...file,
          })),
          ...intent,
        },
        { address, bearer },
      )
    },

    remaining,

    /** As the portal's page tells it. */
    async acceptance() {
      return getPortalUploadAcceptance(portal, {
        statusOf: () => 'ACTIVE',
        nowMs: clock.now(),
        remaining: await remaining(),
      })
    },
  }
}
