import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Problem } from '../../../shared/contract/problems.ts'
import { PortageError } from '../../../shared/errors.ts'
import { api, json, open, owner } from '../../../shared/http/endpoint.ts'
import { toProblem } from '../../../shared/http/problem.ts'
import { hashToken } from '../../../shared/platform/ids.ts'

const ORIGIN = 'https://files.example.com'
const PROOF = 'p'.repeat(32)
const COOKIE = 'session-cookie'

function makeApi() {
  const seen: unknown[] = []
  const handler = api(
    {
      origin: async () => ORIGIN,
      originVerify: async () => [PROOF, 'q'.repeat(32)],
      sessions: {
        find: async (hash) =>
          hash === hashToken(COOKIE)
            ? { userId: 'usr_1', createdAtMs: 0, lastSeenMs: 0 }
            : undefined,
      },
    },
    {
      'POST /api/things': owner(
        { body: z.strictObject({ name: z.string() }) },
        async ({ userId, body }) => {
          seen.push({ userId, body })
          return json(201, { userId, ...body })
        },
      ),
      'GET /api/open': open(
        { query: z.strictObject({ q: z.string().optional() }) },
        async ({ query }) => json(200, query),
      ),
      'GET /api/broken': open({}, async () => {
        throw new Error('the password is hunter2')
      }),
      'GET /api/refused': open({}, async () => {
        throw new PortageError('BUSY', 'Later.', { facts: { retryAfterSeconds: 7 } })
      }),
    },
  )
  const send = async (
    routeKey: string,
    {
      headers = {},
      cookies,
      body,
      rawQuery = '',
    }: {
      headers?: Record<string, string>
      cookies?: string[]
      body?: string
      rawQuery?: string
    } = {},
  ) => {
    const event = {
      routeKey,
      rawQueryString: rawQuery,
      headers: { 'x-portage-origin-verify': PROOF, 'content-type': 'application/json', ...headers },
      ...(cookies ? { cookies } : {}),
      requestContext: { requestId: 'req-1', http: { method: routeKey.split(' ')[0] } },
      body,
      isBase64Encoded: false,
    } as unknown as APIGatewayProxyEventV2
    const reply = await handler(event, { awsRequestId: 'req-1' } as Context)
    return { status: reply.statusCode, headers: reply.headers, body: reply.body ?? '' }
  }
  const call = async (...request: Parameters<typeof send>) => {
    const reply = await send(...request)
    return { ...reply, body: JSON.parse(reply.body || 'null') as Problem }
  }
  const page = (routeKey: string) => send(routeKey, { headers: { 'sec-fetch-mode': 'navigate' } })
  return { call, page, seen }
}

const session = { cookies: [`__Host-portage_session=${COOKIE}`], headers: { origin: ORIGIN } }

describe('a route of an owner', () => {
  test('takes the owner from the session and the body by its contract', async () => {
    const { call } = makeApi()
    expect(await call('POST /api/things', { ...session, body: '{"name":"x"}' })).toMatchObject({
      status: 201,
      body: { userId: 'usr_1', name: 'x' },
    })
  })

  test('says nothing of a body before it knows who sent it', async () => {
    const { call } = makeApi()
    expect((await call('POST /api/things', { body: '{broken' })).body.code).toBe('SESSION_REQUIRED')
  })

  test.each([
    ['{broken', 'MALFORMED_JSON', undefined],
    ['{}', 'INVALID_REQUEST', [{ field: 'name', message: 'is required' }]],
    [
      '{"name":["x"]}',
      'INVALID_REQUEST',
      [{ field: 'name', message: expect.stringContaining('expected string') }],
    ],
    [
      '{"name":"x","owner":"usr_2"}',
      'INVALID_REQUEST',
      [{ field: 'owner', message: 'is not a known field' }],
    ],
    ['[]', 'INVALID_REQUEST', [{ field: '', message: expect.any(String) }]],
  ])('refuses %s with the field named and does nothing', async (body, code, errors) => {
    const { call, seen } = makeApi()
    const reply = await call('POST /api/things', { ...session, body })
    expect(reply.body).toMatchObject({ code, status: 400, requestId: 'req-1' })
    expect(reply.body.errors).toEqual(errors)
    expect(seen).toEqual([])
  })

  test.each([
    ['more bytes', `{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`],
    ['more objects', `[${Array(20_000).fill('{"a":1}').join(',')}]`],
  ])('takes no body of %s than any call needs', async (_what, body) => {
    const { call, seen } = makeApi()
    const reply = await call('POST /api/things', { ...session, body })
    expect(reply.body).toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 })
    expect(seen).toEqual([])
  })

  test.each([
    ['many', Object.fromEntries(Array.from({ length: 30_000 }, (_, index) => [`k${index}`, 1]))],
    ['long', { ['k'.repeat(1_000_000)]: 1 }],
  ])('answers %s unknown fields with a small reply', async (_what, fields) => {
    const { call } = makeApi()
    const reply = await call('POST /api/things', { ...session, body: JSON.stringify(fields) })
    expect(reply.body.code).toBe('INVALID_REQUEST')
    expect(reply.body.errors?.length).toBeLessThanOrEqual(50)
    expect(JSON.stringify(reply.body).length).toBeLessThan(10_000)
  })

  test.each([undefined, 'https://evil.example', 'null'])(
    'with a cookie and Origin %s is another site',
    async (origin) => {
      const { call, seen } = makeApi()
      const headers: Record<string, string> = origin === undefined ? {} : { origin }
      const reply = await call('POST /api/things', {
        cookies: session.cookies,
        headers,
        body: '{"name":"x"}',
      })
      expect(reply.body).toMatchObject({ status: 403, code: 'FORBIDDEN_ORIGIN' })
      expect(seen).toEqual([])
    },
  )
})

describe('every route', () => {
  test('answers only requests that came through the distribution, by either live value', async () => {
    const { call } = makeApi()
    const with_ = (proof: string) =>
      call('GET /api/open', { headers: { 'x-portage-origin-verify': proof } })
    expect((await with_('q'.repeat(32))).status).toBe(200)
    for (const proof of ['', 'p', 'x'.repeat(32)]) expect((await with_(proof)).status).toBe(403)
  })

  test('is not to be kept by anybody', async () => {
    const { call } = makeApi()
    expect((await call('GET /api/open')).headers).toMatchObject({ 'cache-control': 'no-store' })
    expect((await call('GET /api/broken')).headers).toMatchObject({ 'cache-control': 'no-store' })
  })

  test('names a query that is not known', async () => {
    const { call } = makeApi()
    expect((await call('GET /api/open', { rawQuery: 'q=1&x=2' })).body.errors).toEqual([
      { field: 'x', message: 'is not a known field' },
    ])
    expect((await call('GET /api/open', { rawQuery: 'q=1&q=2' })).status).toBe(400)
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const { body } = await call('GET /api/open', { rawQuery: `${name}=1` })
      expect(body.errors).toEqual([{ field: name, message: 'is not a known field' }])
    }
  })

  test('exposes nothing of an unexpected error', async () => {
    const { call } = makeApi()
    const reply = await call('GET /api/broken')
    expect(reply.body).toMatchObject({ status: 500, code: 'INTERNAL', requestId: 'req-1' })
    expect(JSON.stringify(reply)).not.toContain('hunter2')
  })

  test('tells what stands in the way also when it is not the caller’s fault', () => {
    const error = new PortageError('PROVIDER_UNAVAILABLE', 'Please try again in a minute.')
    expect(toProblem(error, 'req-1')).toMatchObject({
      status: 503,
      title: 'The storage provider does not answer',
      detail: 'Please try again in a minute.',
    })
  })

  test('tells a person whose browser went there in a page, with the same status', async () => {
    const { page } = makeApi()
    const reply = await page('POST /api/things')
    expect(reply.status).toBe(401)
    expect(reply.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8' })
    expect(reply.body).toContain('<h1>Please sign in</h1>')
    expect(reply.body).not.toMatch(/<script|<style|style=/)
  })

  test('says when to come back', async () => {
    const { call } = makeApi()
    expect(await call('GET /api/refused')).toMatchObject({
      status: 429,
      headers: { 'retry-after': '7' },
    })
  })
})
