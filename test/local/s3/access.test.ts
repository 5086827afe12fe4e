import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PolicyStatement } from '../../../infra/local/policy-document.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { PRESIGNING, type S3Harness, startS3 } from './s3-harness.ts'

const OBJECTS = 'arn:aws:s3:::staging/staging/*'
const BUCKET = 'arn:aws:s3:::staging'

let s3: S3Harness

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
  ['s3:DeleteObject', OBJECTS, (c) => c.send(new DeleteObjectCommand(on('staging/n')))],
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

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
insideEngine('S3').describe('a caller', () => {
  beforeAll(async () => {
    s3 = await startS3()
    await s3.put('staging/there', 'x')
    await s3.put('staging/source', 'x')
  })
  afterAll(() => s3.close())

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

  it('needs to read the source of a copied part too', async () => {
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(on('staging/p')))
    const copy = (client: S3Client) => {
      const CopySource = `${s3.bucket}/staging/source`
      const part = { ...on('staging/p'), UploadId, PartNumber: 1, CopySource }
      return outcome(client.send(new UploadPartCopyCommand(part)))
    }

    expect(await copy(allowed(['s3:PutObject'], OBJECTS))).toBe('denied')
    expect(await copy(allowed(['s3:GetObject', 's3:PutObject'], OBJECTS))).toBe('ok')
  })

  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
  it('deletes of several objects those that it may, and is told of the others', async () => {
    await s3.put('staging/mine', 'x')
    await s3.put('downloads/theirs', 'x')
    const Objects = [{ Key: 'downloads/theirs' }, { Key: 'staging/mine' }]
    const remove = (Quiet: boolean) =>
      allowed(['s3:DeleteObject'], OBJECTS).send(
        new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects, Quiet } }),
      )
    const refusal = [{ Key: 'downloads/theirs', Code: 'AccessDenied', Message: expect.any(String) }]

    const first = await remove(false)
    expect(first.Deleted).toEqual([{ Key: 'staging/mine' }])
    expect(first.Errors).toEqual(refusal)
    expect(await remove(true)).toMatchObject({ Errors: refusal })
    expect(await s3.sizeOf('staging/mine')).toBeUndefined()
    expect(await s3.sizeOf('downloads/theirs')).toBe(1)
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

  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
  it('that does not sign may do what the policy of the bucket gives to everyone', async () => {
    s3.engine.createBucket({
      name: 'public',
      policy: {
        Statement: {
          Effect: 'Allow',
          Principal: '*',
          Action: 's3:GetObject',
          Resource: 'arn:aws:s3:::public/shown/*',
        },
      },
    })
    const body = Buffer.from('shown')
    await s3.engine.putObject('public', 'shown/a', { body })
    await s3.engine.putObject('public', 'hidden', { body })
    const ask = (path: string, init?: RequestInit) => fetch(`${s3.endpoint}${path}`, init)

    expect(await (await ask('/public/shown/a')).text()).toBe('shown')
    for (const [path, method] of [
      ['/public/hidden', 'GET'],
      ['/public/shown/a', 'DELETE'],
      ['/public/shown/missing', 'GET'],
      ['/public?list-type=2', 'GET'],
      ['/staging/staging/there', 'GET'],
    ] as const) {
      const reply = await ask(path, { method })
      expect(reply.status).toBe(403)
      expect(await reply.text()).toContain('<Code>AccessDenied</Code>')
    }
  })
})
