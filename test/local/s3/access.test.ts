import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyStatement } from '../../../infra/local/policy-document.ts'
import { PRESIGNING, type S3Harness, startS3 } from './s3-harness.ts'

const OBJECTS = 'arn:aws:s3:::staging/staging/*'
const BUCKET = 'arn:aws:s3:::staging'

let s3: S3Harness
beforeAll(async () => {
  s3 = await startS3()
  await s3.engine.putObject(s3.bucket, 'staging/there', { body: Buffer.from('x') })
  await s3.engine.putObject(s3.bucket, 'staging/source', { body: Buffer.from('x') })
})
afterAll(() => s3.close())

function allowed(Action: string[], Resource: string, Condition?: PolicyStatement['Condition']) {
  const statement: PolicyStatement = { Effect: 'Allow', Action, Resource }
  if (Condition) statement.Condition = Condition
  return s3.clientOf([{ Version: '2012-10-17', Statement: statement }])
}

const on = (Key: string) => ({ Bucket: s3.bucket, Key })
const upload = { UploadId: 'none' }
const calls: [string, string, (client: S3Client) => Promise<unknown>][] = [
  ['s3:PutObject', OBJECTS, (c) => c.send(new PutObjectCommand({ ...on('staging/n'), Body: 'x' }))],
  ['s3:GetObject', OBJECTS, (c) => c.send(new GetObjectCommand(on('staging/there')))],
  ['s3:GetObject', OBJECTS, (c) => c.send(new HeadObjectCommand(on('staging/there')))],
  [
    's3:DeleteObject',
    OBJECTS,
    (c) =>
      c.send(
        new DeleteObjectsCommand({
          Bucket: s3.bucket,
          Delete: { Objects: [{ Key: 'staging/n' }] },
        }),
      ),
  ],
  [
    's3:AbortMultipartUpload',
    OBJECTS,
    (c) => c.send(new AbortMultipartUploadCommand({ ...on('staging/n'), ...upload })),
  ],
  [
    's3:ListMultipartUploadParts',
    OBJECTS,
    (c) => c.send(new ListPartsCommand({ ...on('staging/n'), ...upload })),
  ],
  [
    's3:ListBucketMultipartUploads',
    BUCKET,
    (c) => c.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket })),
  ],
  [
    's3:PutObjectTagging',
    OBJECTS,
    (c) => c.send(new PutObjectTaggingCommand({ ...on('staging/there'), Tagging: { TagSet: [] } })),
  ],
]

/** What the call ended with; a refusal that is not about permissions shows that it was let in. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata: { httpStatusCode: number } }
    return $metadata.httpStatusCode === 403 ? 'denied' : name
  }
}

describe('a caller', () => {
  it.each(calls)('needs %s on %s', async (action, resource, call) => {
    const others = calls.map(([other]) => other).filter((other) => other !== action)

    expect(await outcome(call(allowed([action], resource)))).toMatch(/ok|NoSuchUpload/)
    expect(await outcome(call(allowed(others, resource)))).toBe('denied')
    expect(await outcome(call(allowed([action], 'arn:aws:s3:::other/*')))).toBe('denied')
  })

  it('is told of a missing key only when it may list the bucket', async () => {
    const read = (client: S3Client) => outcome(client.send(new GetObjectCommand(on('staging/no'))))
    const both = s3.clientOf([
      {
        Statement: [
          { Effect: 'Allow', Action: 's3:GetObject', Resource: OBJECTS },
          { Effect: 'Allow', Action: 's3:ListBucket', Resource: BUCKET },
        ],
      },
    ])

    expect(await read(allowed(['s3:GetObject'], OBJECTS))).toBe('denied')
    expect(await read(both)).toBe('NoSuchKey')
  })

  it('may be limited to a prefix of the list', async () => {
    const condition = { StringLike: { 's3:prefix': 'staging/*' } }
    const client = allowed(['s3:ListBucket'], BUCKET, condition)
    const list = (Prefix?: string) =>
      outcome(client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix })))

    expect(await list('staging/safe/')).toBe('ok')
    expect(await list('downloads/')).toBe('denied')
    expect(await list()).toBe('denied')
  })

  it('needs to read the source and write the target of a copy', async () => {
    const copy = (client: S3Client) => {
      const CopySource = `${s3.bucket}/staging/source`
      return outcome(client.send(new CopyObjectCommand({ ...on('staging/c'), CopySource })))
    }

    expect(await copy(allowed(['s3:PutObject'], OBJECTS))).toBe('denied')
    expect(await copy(allowed(['s3:GetObject'], OBJECTS))).toBe('denied')
    expect(await copy(allowed(['s3:GetObject', 's3:PutObject'], OBJECTS))).toBe('ok')
  })

  it('is bound by the policy of the bucket', async () => {
    s3.engine.createBucket({
      name: 'guarded',
      policy: {
        Statement: {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: ['arn:aws:s3:::guarded', 'arn:aws:s3:::guarded/*'],
          Condition: { NumericGreaterThan: { 's3:signatureAge': '900000' } },
        },
      },
    })
    const command = new PutObjectCommand({ Bucket: 'guarded', Key: 'x' })
    const url = await getSignedUrl(s3.clientWith(PRESIGNING), command, { expiresIn: 3600 })
    const send = async () => (await fetch(url, { method: 'PUT', body: 'x' })).status

    expect(await send()).toBe(200)
    s3.clock.advance(901)
    expect(await send()).toBe(403)
  })
})
