/**
 * Lifecycle rules: objects expire and unfinished uploads are aborted. "Amazon S3 calculates the time
 * by adding the number of days specified in the rule to the object creation time and rounding up the
 * resulting time to the next day at midnight UTC",
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
 */
import { randomUUID } from 'node:crypto'
import type { Bucket, LifecycleRule } from './bucket-registry.ts'
import { dropUpload } from './multipart-operations.ts'
import type { S3Context } from './s3-context.ts'
import { deleteRecord } from './store-object.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** How long a repeated Complete gets its answer again. */
const COMPLETED_UPLOAD_MS = DAY_MS
const FETCH_ROWS = 1000

export interface LifecycleReport {
  expiredObjects: number
  abortedUploads: number
}

export async function applyLifecycle(context: S3Context): Promise<LifecycleReport> {
  const report: LifecycleReport = { expiredObjects: 0, abortedUploads: 0 }
  for (const bucket of context.buckets.all()) {
    for (const rule of bucket.lifecycleRules) {
      if (rule.Status !== 'Enabled') continue
      report.abortedUploads += await abortUploads(context, bucket, rule)
      report.expiredObjects += await expireObjects(context, bucket, rule)
    }
  }
  const forgetBeforeMs = context.clock.now() - COMPLETED_UPLOAD_MS
  await context.database.write(() => context.uploads.forgetCompletedBefore(forgetBeforeMs))
  return report
}

async function abortUploads(
  context: S3Context,
  bucket: Bucket,
  rule: LifecycleRule,
): Promise<number> {
  const days = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation
  if (days === undefined) return 0
  let aborted = 0
  const orphans = await context.database.write(() => {
    const due = context.uploads
      .open(bucket.name)
      .filter(({ key }) => key.startsWith(rule.Prefix ?? ''))
      .filter(({ initiatedMs }) => isPast(context, initiatedMs, days))
    aborted = due.length
    return due.flatMap((upload) => dropUpload(context, upload))
  })
  await context.blobs.remove(orphans)
  return aborted
}

async function expireObjects(
  context: S3Context,
  bucket: Bucket,
  rule: LifecycleRule,
): Promise<number> {
  const days = rule.ExpirationInDays
  if (days === undefined) return 0
  const prefix = rule.Prefix ?? ''
  let expired = 0
  let after = ''
  for (;;) {
    const rows = context.objects.list(bucket.name, prefix, after, FETCH_ROWS)
    const page = rows.filter(({ key }) => key.startsWith(prefix))
    const due = page.filter(({ modifiedMs }) => isPast(context, modifiedMs, days))
    const orphans = await context.database.write(() =>
      due.flatMap(({ key, contentId }) => {
        // Overwritten since it was listed: the new object has its own days.
        if (context.objects.find(bucket.name, key)?.contentId !== contentId) return []
        expired += 1
        return deleteRecord(context, bucket.name, key, {
          reason: 'Lifecycle Expiration',
          requestId: randomUUID(),
          requester: 's3.amazonaws.com',
        })
      }),
    )
    context.events.wake()
    await context.blobs.remove(orphans)
    after = page.at(-1)?.key ?? after
    if (page.length < FETCH_ROWS) return expired
  }
}

function isPast(context: S3Context, createdMs: number, days: number): boolean {
  const dueMs = Math.ceil((createdMs + days * DAY_MS) / DAY_MS) * DAY_MS
  return context.clock.now() >= dueMs
}
