import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roleCredentials } from '../../../infra/local/credentials.ts'
import { LOCAL_ACCOUNT_ID } from '../../../infra/local/engine.ts'
import { evaluatePolicies } from '../../../infra/local/gateway/policy.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import {
  announce,
  bearer,
  type Owner,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'
import { fullName, operator, variable } from './attack.ts'

const FIFTEEN_MINUTES_SECONDS = 900
const ALLOWED_SIGNINGS = 20

let test: TestCloud
let owner: Owner
let bucket: string

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  bucket = variable(test, 'client-uploads', ENV.stagingBucket)
})
afterAll(() => test.close())

/** What somebody could sign who took over the function that signs. */
function signer(functionName: string): S3Client {
  return new S3Client({
    ...operator(test),
    credentials: roleCredentials(test.dataDir, fullName(functionName)),
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}

function put(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'PUT', body })
}

describe('security rule 7: the staging bucket', () => {
  it('refuses a signature older than 15 minutes, even one that its signer made for longer', async () => {
    const sign = (key: string) =>
      getSignedUrl(
        signer('client-uploads'),
        new PutObjectCommand({ Bucket: bucket, Key: `staging/scan/${key}` }),
        { expiresIn: 7 * 86_400 },
      )
    const inTime = await sign('in-time')
    const late = await sign('late')

    await test.cloud.advanceClock(FIFTEEN_MINUTES_SECONDS - 30)
    expect((await put(inTime, 'x')).status).toBe(200)
    await test.cloud.advanceClock(60)

    const refused = await put(late, 'x')
    expect(refused.status).toBe(403)
    expect(await refused.text()).toMatch(/AccessDenied.*explicit deny in a resource-based policy/s)
  })

  it('refuses plain http to everybody, the operator included', () => {
    const resource = `arn:aws:s3:::${bucket}/staging/scan/upl_x`
    const policy = test.cloud.s3.resourcePolicy?.(resource)
    const decide = (secure: boolean) =>
      evaluatePolicies(
        'unrestricted',
        policy === undefined ? [] : [policy],
        {
          action: 's3:GetObject',
          resource,
          context: { 'aws:SecureTransport': String(secure) },
        },
        { arn: `arn:aws:iam::${LOCAL_ACCOUNT_ID}:user/operator` },
      ).allowed

    expect(decide(true)).toBe(true)
    expect(decide(false)).toBe(false)
  })

  it('lets the function that signs uploads write below staging/ only, and lets none make objects public', async () => {
    const s3 = signer('client-uploads')
    const tries = ['downloads/upl_x', 'index.html', 'stagingx']
    for (const Key of tries) {
      await expect(
        s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' })),
        Key,
      ).rejects.toThrow(/not authorized|specified URI/)
    }
    // A key is no path: what stands before the dots is where it lies, as on S3.
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'staging/../downloads/x', Body: 'x' }),
    )
    await expect(
      signer('uploads').send(new GetObjectCommand({ Bucket: bucket, Key: 'downloads/x' })),
    ).rejects.toThrow()
    await expect(
      s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: 'staging/x', Body: 'x', ACL: 'public-read' }),
      ),
    ).rejects.toThrow()
  })

  it('shows nothing to whoever has no signature', async () => {
    const s3 = signer('client-uploads')
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'staging/scan/there', Body: 'x' }))
    const url = `${test.cloud.urls.aws}/${bucket}/staging/scan/there`

    expect((await fetch(url)).status).toBe(403)
    expect((await fetch(`${test.cloud.urls.aws}/${bucket}?list-type=2`)).status).toBe(403)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
    await expect(
      signer('public-portals').send(
        new GetObjectCommand({ Bucket: bucket, Key: 'staging/scan/there' }),
      ),
    ).rejects.toThrow('not authorized')
  })

  it('is signed for at most 20 times for a part, however many ask at once', async () => {
    const http = test.browser()
    const { uploads, uploadToken } = await announce(http, owner.portal.id, [
      { name: 'letter.txt', content: Buffer.from('x') },
    ])
    const path = `/api/upload/${uploads[0]?.uploadId}/parts`
    const ask = async () =>
      (await http.send('POST', path, { headers: bearer(uploadToken), json: { partNumbers: [1] } }))
        .status

    const statuses: number[] = []
    for (let round = 0; round < 3; round += 1) {
      statuses.push(...(await Promise.all(Array.from({ length: 8 }, ask))))
    }

    // The intent handed out the first.
    expect(statuses.filter((status) => status === 200)).toHaveLength(ALLOWED_SIGNINGS - 1)
    expect(statuses.filter((status) => status === 429)).toHaveLength(24 - (ALLOWED_SIGNINGS - 1))
  })
})
