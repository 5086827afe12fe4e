import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { S3ObjectEvent } from '../../../infra/local/s3/s3-engine.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { type S3Harness, startS3 } from './s3-harness.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let s3: S3Harness

/** Seconds until `days` and the next midnight after them have passed. */
function secondsUntilDue(days: number): number {
  const now = s3.clock.now()
  return (Math.ceil((now + days * DAY_MS) / DAY_MS) * DAY_MS - now) / 1000
}

const isStored = (key: string) => s3.engine.readObject(s3.bucket, key) !== undefined

const engine = insideEngine('S3')

function freshEngine(): void {
  beforeEach(async () => {
    s3 = await startS3({
      bucket: {
        eventBridgeEnabled: true,
        lifecycleRules: {
          Rules: [
            { Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
            { Status: 'Enabled', Prefix: 'downloads/', ExpirationInDays: 1 },
            { Status: 'Disabled', ExpirationInDays: 1 },
          ],
        },
      },
    })
  })
  afterEach(() => s3.close())
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
engine.describe('the lifecycle', () => {
  freshEngine()

  it('expires objects of its prefix at the midnight after their days, and reports it', async () => {
    const events: S3ObjectEvent[] = []
    s3.engine.onObjectEvent(async (event) => void events.push(event))
    const body = Buffer.from('x')
    await s3.engine.putObject(s3.bucket, 'downloads/1', { body })
    await s3.engine.putObject(s3.bucket, 'staging/1', { body })
    const due = secondsUntilDue(1)

    s3.clock.advance(due - 60)
    expect(await s3.engine.runLifecycle()).toMatchObject({ expiredObjects: 0 })
    s3.clock.advance(60)
    expect(await s3.engine.runLifecycle()).toMatchObject({ expiredObjects: 1 })
    await s3.engine.flushEvents()

    expect([isStored('downloads/1'), isStored('staging/1')]).toEqual([false, true])
    expect(events.at(-1)).toMatchObject({
      'detail-type': 'Object Deleted',
      detail: {
        object: { key: 'downloads/1' },
        reason: 'Lifecycle Expiration',
        requester: 's3.amazonaws.com',
      },
    })
  })

  it('aborts uploads that were left unfinished', async () => {
    const target = { Bucket: s3.bucket, Key: 'staging/unfinished' }
    await s3.client.send(new CreateMultipartUploadCommand(target))
    const due = secondsUntilDue(7)

    s3.clock.advance(due - 60)
    expect(await s3.engine.runLifecycle()).toMatchObject({ abortedUploads: 0 })
    s3.clock.advance(60)
    expect(await s3.engine.runLifecycle()).toMatchObject({ abortedUploads: 1 })
    const client = s3.clientWith({ systemClockOffset: s3.clock.offsetMs })
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }))
    expect(Uploads ?? []).toEqual([])
  })

  it('refuses a rule with members it would not obey', () => {
    const rule = { Status: 'Enabled' as const, ExpirationDate: '2030-01-01' }
    const create = () => s3.engine.createBucket({ name: 'other', lifecycleRules: [rule] })

    expect(create).toThrow('ExpirationDate')
  })
})
