import { request } from 'node:http'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PRESIGNING, type S3Suite, startSuite } from './s3-harness.ts'

const ORIGIN = 'http://127.0.0.1:4400'

let s3: S3Suite
let url: string
beforeAll(async () => {
  s3 = await startSuite({
    corsRules: [
      {
        AllowedOrigins: ['*'],
        AllowedMethods: ['PUT'],
        AllowedHeaders: ['content-type', 'if-none-match'],
        ExposedHeaders: ['ETag'],
        MaxAge: 3600,
      },
      { AllowedOrigins: ['https://*.example.com'], AllowedMethods: ['GET'] },
    ],
  })
  const command = new PutObjectCommand({ Bucket: s3.bucket, Key: 'x' })
  url = await getSignedUrl(s3.clientWith(PRESIGNING), command, { expiresIn: 60 })
})
afterAll(() => s3.close())

function preflight(headers: Record<string, string>, target = url): Promise<Response> {
  return fetch(target, { method: 'OPTIONS', headers })
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html and .../API/RESTOPTIONSobject.html
describe('a preflight', () => {
  it('is answered without a signature when a rule allows everything that it asks', async () => {
    const reply = await preflight({
      origin: ORIGIN,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'Content-Type, if-none-match',
    })

    expect(reply.status).toBe(200)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'Content-Type, if-none-match',
      'access-control-expose-headers': 'ETag',
      'access-control-max-age': '3600',
      vary: expect.stringContaining('Origin'),
    })
  })

  it.each([
    ['another method', { 'access-control-request-method': 'DELETE' }],
    [
      'another header',
      { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-amz-acl' },
    ],
    ['another origin', { 'access-control-request-method': 'GET' }],
  ])('for %s is refused', async (_, headers) => {
    const reply = await preflight({ origin: ORIGIN, ...headers })

    expect(reply.status).toBe(403)
    expect(await reply.text()).toContain('<Code>AccessForbidden</Code>')
    expect(reply.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('allows the origins that a pattern covers', async () => {
    const ask = (origin: string) => preflight({ origin, 'access-control-request-method': 'GET' })

    const reply = await ask('https://app.example.com')
    expect(reply.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect((await ask('https://example.com')).status).toBe(403)
    expect((await ask('https://app.example.com.evil.test')).status).toBe(403)
  })

  it('is judged by the bucket of the request, whatever segments its key has', async () => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'PUT' }
    const other = await s3.makeBucket()
    const { port, hostname } = new URL(s3.endpoint)
    // `fetch` would fold the path.
    const statusOf = (path: string) =>
      new Promise((resolve, reject) => {
        const target = { hostname, port, path, method: 'OPTIONS', headers }
        const sent = request(target, (reply) => resolve(reply.resume().statusCode))
        sent.once('error', reject)
        sent.end()
      })

    expect(await statusOf(`/${s3.bucket}/a/../../${other}/x`)).toBe(200)
    expect(await statusOf(`/${other}/a/../../${s3.bucket}/x`)).toBe(403)
  })

  it('is refused for a bucket without rules', async () => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'PUT' }
    const reply = await preflight(headers, `${s3.endpoint}/${await s3.makeBucket()}/x`)

    expect(reply.status).toBe(403)
    expect(await reply.text()).toContain('CORS is not enabled for this bucket')
  })
})

describe('a reply', () => {
  it('can be read by the page, its ETag too', async () => {
    const reply = await fetch(url, { method: 'PUT', body: 'x', headers: { origin: ORIGIN } })

    expect(reply.status).toBe(200)
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
    expect(reply.headers.get('access-control-expose-headers')).toBe('ETag')
  })

  it.each([
    ['a bad signature', '&x-tampered=1', 403],
    ['a failed condition', '', 412],
  ])('can be read when it is a refusal for %s', async (_, suffix, status) => {
    await s3.put('x', 'there')
    const headers = { origin: ORIGIN, 'if-none-match': '*' }
    const reply = await fetch(`${url}${suffix}`, { method: 'PUT', body: 'x', headers })

    expect(reply.status).toBe(status)
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
  })
})
