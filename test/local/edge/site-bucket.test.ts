import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createBucketOrigin } from '../../../infra/local/edge/site-bucket.ts'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'

const forDistribution = (id: string, action: string, resource: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'cloudfront.amazonaws.com' },
    Action: action,
    Resource: resource,
    Condition: {
      StringEquals: { 'AWS:SourceArn': `arn:aws:cloudfront::111122223333:distribution/${id}` },
    },
  },
})
const readable = forDistribution('E1', 's3:GetObject', 'arn:aws:s3:::site/*')

function makeOrigin(policy: PolicyDocument | undefined = readable, distributionId = 'E1') {
  const content = Buffer.from('0123456789')
  return createBucketOrigin(
    {
      resourcePolicy: () => policy,
      readObject(_bucket, key, range = { startByte: 0, lengthBytes: content.length }) {
        if (key !== 'a.txt') return undefined
        const { startByte, lengthBytes } = range
        return {
          size: content.length,
          etag: 'abc',
          contentType: 'text/plain',
          headers: { 'content-type': 'text/plain' },
          stream: Readable.from([content.subarray(startByte, startByte + lengthBytes)]),
        }
      },
    },
    distributionId,
  )
}

describe('a bucket behind the distribution', () => {
  it('is read as far as its policy lets this distribution', async () => {
    const reply = await makeOrigin().get('site', 'a.txt', {})

    expect(reply.statusCode).toBe(200)
    expect(reply.headers).toMatchObject({ 'content-type': 'text/plain', etag: '"abc"' })
    expect(reply.body.toString()).toBe('0123456789')
  })

  it.each([
    ['without a policy', makeOrigin({ Version: '2012-10-17', Statement: [] })],
    ['to another distribution', makeOrigin(readable, 'E2')],
    [
      'where the policy names other keys',
      makeOrigin(forDistribution('E1', 's3:GetObject', 'arn:aws:s3:::site/b*')),
    ],
  ])('is closed %s', async (_name, origin) => {
    expect((await origin.get('site', 'a.txt', {})).statusCode).toBe(403)
  })

  it('says what is missing only to who may list it', async () => {
    const listing = forDistribution('E1', 's3:*', '*')

    expect((await makeOrigin().get('site', 'missing', {})).statusCode).toBe(403)
    expect((await makeOrigin(listing).get('site', 'missing', {})).statusCode).toBe(404)
  })

  it.each([
    [{ 'if-none-match': '"abc"' }, 304, ''],
    [{ 'if-none-match': 'W/"abc"' }, 304, ''],
    [{ 'if-none-match': '"other"' }, 200, '0123456789'],
    [{ range: 'bytes=2-4' }, 206, '234'],
    [{ range: 'bytes=7-' }, 206, '789'],
    [{ range: 'bytes=-2' }, 206, '89'],
    [{ range: 'bytes=5-99' }, 206, '56789'],
    [{ range: 'lines=1-2' }, 200, '0123456789'],
  ])('answers %j with %i', async (conditions, statusCode, body) => {
    const reply = await makeOrigin().get('site', 'a.txt', { ...conditions })

    expect(reply.statusCode).toBe(statusCode)
    expect(reply.body.toString()).toBe(body)
  })

  it('names the size when a range lies outside', async () => {
    const reply = await makeOrigin().get('site', 'a.txt', { range: 'bytes=10-' })

    expect(reply.statusCode).toBe(416)
    expect(reply.headers['content-range']).toBe('bytes */10')
  })
})
