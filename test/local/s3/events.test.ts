import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { S3ObjectEvent } from '../../../infra/local/s3/s3-engine.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { type S3Harness, startS3 } from './s3-harness.ts'

const KEY = 'staging/safe/Résumé (1).pdf'

let s3: S3Harness
let events: S3ObjectEvent[]

async function put(Key = KEY, Body = 'bytes'): Promise<{ ETag?: string | undefined }> {
  return s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body }))
}

function listen(): void {
  s3.engine.onObjectEvent(async (event) => void events.push(event))
}

const engine = insideEngine('S3')

function freshEngine(): void {
  beforeEach(async () => {
    events = []
    s3 = await startS3({ bucket: { eventBridgeEnabled: true } })
  })
  afterEach(() => s3.close())
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
engine.describe('an event', () => {
  freshEngine()

  it('has the form in which S3 sends it to EventBridge', async () => {
    listen()
    const { ETag } = await put()
    await s3.engine.flushEvents()

    expect(events).toEqual([
      {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        'detail-type': 'Object Created',
        source: 'aws.s3',
        account: '111122223333',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        region: 'us-east-1',
        resources: ['arn:aws:s3:::staging'],
        detail: {
          version: '0',
          bucket: { name: 'staging' },
          object: {
            key: KEY,
            size: 5,
            etag: ETag?.replaceAll('"', ''),
            sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
          },
          'request-id': expect.any(String),
          requester: '111122223333',
          'source-ip-address': '127.0.0.1',
          reason: 'PutObject',
        },
      },
    ])
  })

  it('tells by which operation the object came or went', async () => {
    listen()
    const target = { Bucket: s3.bucket, Key: 'multi' }
    const { UploadId } = await s3.client.send(
      new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' }),
    )
    const part = { ...target, UploadId, PartNumber: 1, Body: 'part' }
    const { ETag, ChecksumCRC32 } = await s3.client.send(new UploadPartCommand(part))
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] }
    await s3.client.send(
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }),
    )
    const CopySource = `${s3.bucket}/multi`
    await s3.client.send(new CopyObjectCommand({ Bucket: s3.bucket, Key: 'copy', CopySource }))
    const Tagging = { TagSet: [{ Key: 'GuardDutyMalwareScanStatus', Value: 'NO_THREATS_FOUND' }] }
    await s3.client.send(new PutObjectTaggingCommand({ ...target, Tagging }))
    await s3.client.send(new DeleteObjectCommand(target))
    await s3.client.send(new DeleteObjectCommand({ ...target, Key: 'never-there' }))
    await s3.engine.flushEvents()

    expect(
      events.map((event) => [event['detail-type'], event.detail.object.key, event.detail.reason]),
    ).toEqual([
      ['Object Created', 'multi', 'CompleteMultipartUpload'],
      ['Object Created', 'copy', 'CopyObject'],
      ['Object Tags Added', 'multi', undefined],
      ['Object Deleted', 'multi', 'DeleteObject'],
    ])
    expect(events[0]?.detail.object.etag).toMatch(/-1$/)
    expect(events[3]?.detail['deletion-type']).toBe('Permanently Deleted')
  })

  it('of a later write of a key has the greater sequencer', async () => {
    listen()
    for (const body of ['1', '2', '3']) await put(KEY, body)
    await s3.engine.flushEvents()

    const sequencers = events.map((event) => event.detail.object.sequencer)
    expect([...sequencers].sort()).toEqual(sequencers)
    expect(new Set(sequencers).size).toBe(3)
  })

  it('is not sent for a refused write, nor by a bucket that sends none', async () => {
    listen()
    s3.engine.createBucket({ name: 'silent' })
    await s3.engine.putObject('silent', KEY, { body: Buffer.from('x') })
    const input = { Bucket: s3.bucket, Key: KEY, Body: 'x', IfMatch: '"0"' }
    await s3.client.send(new PutObjectCommand(input)).catch(() => undefined)
    await s3.engine.flushEvents()

    expect(events).toEqual([])
  })
})

engine.describe('delivery', () => {
  freshEngine()

  it('is repeated until the listener resolves', async () => {
    let refusals = 2
    s3.engine.onObjectEvent(async (event) => {
      if (refusals-- > 0) throw new Error('not now')
      events.push(event)
    })
    await put()
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await s3.engine.flushEvents()
      s3.clock.advance(60)
    }
    await s3.engine.flushEvents()

    expect(events).toHaveLength(1)
  })

  it('happens after a restart when nobody took the event before', async () => {
    await put()
    await s3.reopen()
    listen()
    await s3.engine.flushEvents()
    await s3.reopen()
    listen()
    await s3.engine.flushEvents()

    expect(events.map((event) => event.detail.object.key)).toEqual([KEY])
  })

  it('brings every event of a burst', async () => {
    listen()
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        s3.engine.putObject(s3.bucket, `burst/${index}`, { body: Buffer.from('x') }),
      ),
    )
    await s3.engine.flushEvents()

    expect(new Set(events.map((event) => event.detail.object.key)).size).toBe(100)
    expect(events).toHaveLength(100)
  })

  it('can be doubled, lost and late on demand', async () => {
    listen()
    s3.engine.eventFaults.duplicateNext = 1
    await put('doubled')
    s3.engine.eventFaults.dropNext = 1
    await put('lost')
    s3.engine.eventFaults.delayMs = 30_000
    await put('late')
    await s3.engine.flushEvents()
    const early = events.map((event) => event.detail.object.key)
    s3.clock.advance(31)
    await s3.engine.flushEvents()

    expect(early).toEqual(['doubled', 'doubled'])
    expect(events[0]?.id).toBe(events[1]?.id)
    expect(events.map((event) => event.detail.object.key)).toEqual(['doubled', 'doubled', 'late'])
  })
})
