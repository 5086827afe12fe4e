import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { EdgeDistribution, OriginRequestRule } from '../../../infra/local/edge/distribution.ts'
import { createEdgeServer, type EdgeReply } from '../../../infra/local/edge/edge-server.ts'
import {
  apiBehavior,
  type Edge,
  makeBehavior,
  makeControl,
  makeDistribution,
  makeReply,
  startEdge,
  VERIFY_HEADER,
} from './make-edge.ts'

let edge: Edge

async function start(
  distribution: Partial<EdgeDistribution> = {},
  files: Record<string, EdgeReply> = {},
): Promise<void> {
  edge = await startEdge(makeDistribution(distribution), files)
}

afterEach(() => edge.close())

describe('behaviours', () => {
  it('answer by the first pattern that matches, the default last', async () => {
    await start({}, { 'index.html': makeReply('<h1>home</h1>') })

    const home = await edge.send('GET', '/')
    const api = await edge.send('GET', '/api/portals?limit=2')

    expect(home.body.toString()).toBe('<h1>home</h1>')
    expect(api.body.toString()).toBe('{"ok":true}')
    expect(api.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(edge.apiRequests[0]).toMatchObject({
      rawPath: '/api/portals',
      rawQueryString: 'limit=2',
    })
  })

  it('are chosen by the normalised path, while the origin gets the path as sent', async () => {
    await start()

    await edge.send('GET', '/x/../api/%2e%2e/api/me')

    expect(edge.apiRequests[0]?.rawPath).toBe('/x/../api/%2e%2e/api/me')
    expect(edge.bucketReads).toEqual([])
  })

  it('refuse methods that are not allowed, a GET with a body and an oversized body', async () => {
    await start()

    const put = await edge.send('PUT', '/index.html', { body: 'x' })
    const get = await edge.send('GET', '/api/x', { body: 'x', headers: { 'content-length': '1' } })
    const large = await edge.send('POST', '/api/x', { body: Buffer.alloc(10 * 1024 * 1024 + 2) })

    expect([put.statusCode, get.statusCode, large.statusCode]).toEqual([403, 403, 413])
    expect(edge.apiRequests).toEqual([])
    expect(edge.bucketReads).toEqual([])
  })

  it('answer HEAD with the headers of GET and no body', async () => {
    await start({}, { 'index.html': makeReply('<h1>home</h1>') })

    const head = await edge.send('HEAD', '/index.html')

    expect(head.headers['content-length']).toBe('13')
    expect(head.body).toHaveLength(0)
  })

  it('leave it to the bucket to say that there is no such object', async () => {
    await start()

    const missing = await edge.send('GET', '/no%20such.txt')

    expect(missing.statusCode).toBe(403)
    expect(edge.bucketReads).toEqual(['site/no such.txt'])
  })
})

describe('the viewer-request function', () => {
  const withFunction = (code: string): Partial<EdgeDistribution> => ({
    functions: new Map([['arn:fn', code]]),
    behaviors: [apiBehavior, makeBehavior({ viewerRequestFunction: 'arn:fn' })],
  })

  it('rewrites the path that the bucket is asked for', async () => {
    await start(
      withFunction(`function handler(event) {
        if (event.request.uri.startsWith('/p/')) event.request.uri = '/portal.html'
        return event.request
      }`),
      { 'portal.html': makeReply('portal') },
    )

    expect((await edge.send('GET', '/p/demo')).body.toString()).toBe('portal')
    await edge.send('GET', '/other.js')
    expect(edge.bucketReads).toEqual(['site/portal.html', 'site/other.js'])
  })

  it('sees the request in the shape of runtime 2.0 and may answer itself', async () => {
    await start(
      withFunction(`async function handler(event) {
        const { method, querystring, headers, cookies } = event.request
        return {
          statusCode: 302,
          headers: { location: { value: '/seen' } },
          body: JSON.stringify({ method, querystring, agent: headers['user-agent'].value, cookies,
            type: event.context.eventType, ip: event.viewer.ip }),
        }
      }`),
    )

    const reply = await edge.send('GET', '/x?a=1&b=2&b=3', {
      headers: { cookie: 'sid=abc', 'user-agent': 'test' },
    })

    expect(reply.statusCode).toBe(302)
    expect(reply.headers['location']).toBe('/seen')
    expect(JSON.parse(reply.body.toString())).toEqual({
      method: 'GET',
      querystring: {
        a: { value: '1' },
        b: { value: '3', multiValue: [{ value: '2' }, { value: '3' }] },
      },
      agent: 'test',
      cookies: { sid: { value: 'abc' } },
      type: 'viewer-request',
      ip: '127.0.0.1',
    })
  })

  it('reaches nothing of the runner', async () => {
    await start(
      withFunction(`function handler(event) {
        return { statusCode: 200, body: [typeof process, typeof require, typeof fetch,
          typeof event.constructor.constructor('return this')().process].join() }
      }`),
    )

    const reply = await edge.send('GET', '/x')

    expect(reply.body.toString()).toBe('undefined,undefined,undefined,undefined')
  })
})

describe('the API origin', () => {
  it("gets the viewer's headers but Host, and CloudFront's own, which no viewer can set", async () => {
    await start()

    await edge.send('POST', '/api/upload', {
      body: '{}',
      headers: {
        host: `127.0.0.1:${edge.port}`,
        'content-type': 'application/json',
        cookie: 'sid=1',
        'cloudfront-viewer-address': '6.6.6.6:1',
        'cloudfront-is-mobile-viewer': 'true',
        [VERIFY_HEADER]: 'forged',
        'x-forwarded-for': '6.6.6.6',
        connection: 'keep-alive',
      },
    })

    const [request] = edge.apiRequests
    expect(request?.headers).toMatchObject({
      host: 'a1.execute-api.us-east-1.amazonaws.com',
      cookie: 'sid=1',
      'content-type': 'application/json',
      'x-forwarded-for': '6.6.6.6, 127.0.0.1',
      [VERIFY_HEADER]: 'the secret',
    })
    expect(request?.headers['cloudfront-viewer-address']).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(request?.headers).not.toHaveProperty('cloudfront-is-mobile-viewer')
    expect(request?.headers).not.toHaveProperty('connection')
    expect(request?.sourceIp).not.toBe('127.0.0.1')
  })

  it('gets neither cookies nor queries nor headers without an origin request policy', async () => {
    await start({ behaviors: [{ ...apiBehavior, originRequest: undefined }, makeBehavior()] })

    await edge.send('GET', '/api/x?a=1', { headers: { cookie: 'sid=1', accept: 'text/html' } })

    const [request] = edge.apiRequests
    expect(request?.rawQueryString).toBe('')
    expect(request?.headers).not.toHaveProperty('cookie')
    expect(request?.headers).not.toHaveProperty('accept')
    expect(request?.headers).not.toHaveProperty('cloudfront-viewer-address')
  })

  it('gets what makes the cache key, whatever the origin request policy says', async () => {
    const cacheKey = {
      headers: ['authorization', 'cloudfront-viewer-address'],
      cookies: true,
      queryStrings: true,
    }
    const behavior = { ...apiBehavior, cacheKey, originRequest: undefined }
    await start({ behaviors: [behavior, makeBehavior()] })

    await edge.send('GET', '/api/x?a=1', {
      headers: { authorization: 'Bearer t', cookie: 'sid=1', accept: 'text/html' },
    })

    const [request] = edge.apiRequests
    expect(request?.rawQueryString).toBe('a=1')
    expect(request?.headers).toMatchObject({ authorization: 'Bearer t', cookie: 'sid=1' })
    expect(request?.headers['cloudfront-viewer-address']).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(request?.headers).not.toHaveProperty('accept')
  })

  it("refuses the viewer's Host, as API Gateway does, when a policy forwards it", async () => {
    const allViewer: OriginRequestRule = {
      headerBehavior: 'allViewer',
      headers: [],
      cookies: true,
      queryStrings: true,
    }
    await start({ behaviors: [{ ...apiBehavior, originRequest: allViewer }, makeBehavior()] })

    expect((await edge.send('GET', '/api/x')).statusCode).toBe(403)
    expect(edge.apiRequests).toEqual([])
  })
})

describe('replies', () => {
  it('carry the headers of the policy; without override the origin wins', async () => {
    const behavior = makeBehavior({
      responseHeaders: {
        set: [
          { name: 'content-security-policy', value: "default-src 'self'", override: true },
          { name: 'cache-control', value: 'no-store', override: false },
        ],
        remove: ['server'],
      },
    })
    const headers = {
      'content-security-policy': 'none',
      'cache-control': 'max-age=1',
      server: 'AmazonS3',
    }
    await start({ behaviors: [behavior] }, { a: makeReply('a', { headers }) })

    const reply = await edge.send('GET', '/a')
    const missing = await edge.send('GET', '/missing')

    expect(reply.headers).toMatchObject({
      'content-security-policy': "default-src 'self'",
      'cache-control': 'max-age=1',
    })
    expect(reply.headers).not.toHaveProperty('server')
    expect(missing.headers).toMatchObject({ 'content-security-policy': "default-src 'self'" })
  })

  it.each([
    ['gzip, br', 'br', brotliDecompressSync],
    ['gzip;q=0.5', 'gzip', gunzipSync],
  ])(
    'of large text are compressed for a viewer that takes %s',
    async (accept, encoding, decode) => {
      const script = 'const portage = 1;\n'.repeat(200)
      const headers = { 'content-type': 'text/javascript', etag: '"abc"' }
      await start(
        { behaviors: [makeBehavior({ compress: true })] },
        { 'a.js': makeReply(script, { headers }) },
      )

      const reply = await edge.send('GET', '/a.js', { headers: { 'accept-encoding': accept } })

      expect(reply.headers).toMatchObject({
        'content-encoding': encoding,
        etag: 'W/"abc"',
        vary: 'accept-encoding',
      })
      expect(decode(reply.body).toString()).toBe(script)
      expect(reply.body.length).toBeLessThan(script.length / 5)
    },
  )

  it('stay as they are when small, already encoded, binary or not asked for', async () => {
    const large = 'x'.repeat(5000)
    await start(
      { behaviors: [makeBehavior({ compress: true })] },
      {
        small: makeReply('small'),
        image: makeReply(large, { headers: { 'content-type': 'image/png' } }),
        encoded: makeReply(large, {
          headers: { 'content-type': 'text/css', 'content-encoding': 'zstd' },
        }),
        text: makeReply(large),
      },
    )
    const accept = { headers: { 'accept-encoding': 'br' } }

    const replies = await Promise.all([
      edge.send('GET', '/small', accept),
      edge.send('GET', '/image', accept),
      edge.send('GET', '/encoded', accept),
      edge.send('GET', '/text'),
      edge.send('GET', '/text', { headers: { 'accept-encoding': 'br;q=0, identity' } }),
    ])

    expect(replies.map(({ headers }) => headers['content-encoding'])).toEqual([
      undefined,
      undefined,
      'zstd',
      undefined,
      undefined,
    ])
  })
})

it('says that it is starting until it has a distribution', async () => {
  const starting = createEdgeServer(makeControl())
  const { port } = await starting.listen(0)

  const reply = await fetch(`http://127.0.0.1:${port}/api/x`)

  expect(reply.status).toBe(503)
  expect(reply.headers.get('retry-after')).toBe('1')
  await reply.text()
  await starting.close()
})

describe('the Host', () => {
  it.each(['evil.example', 'evil.example:4400', '127.0.0.1', '127.0.0.1.evil.example'])(
    '%s is misdirected',
    async (host) => {
      await start()

      const replies = await Promise.all(
        ['/', '/api/x', '/_local/status'].map((path) =>
          edge.send('GET', path, { headers: { host } }),
        ),
      )

      expect(replies.map(({ statusCode }) => statusCode)).toEqual([421, 421, 421])
      expect(edge.apiRequests).toEqual([])
    },
  )

  it('localhost is led to the one origin that cookies belong to', async () => {
    await start()
    const headers = { host: `localhost:${edge.port}` }

    const page = await edge.send('GET', '/p/demo?x=1', { headers })
    const call = await edge.send('POST', '/api/x', { headers, body: '{}' })

    expect(page.headers['location']).toBe(`http://127.0.0.1:${edge.port}/p/demo?x=1`)
    expect(call.statusCode).toBe(421)
  })

  it('may not be circumvented by an absolute request target', async () => {
    await start()

    expect((await edge.send('GET', 'http://evil.example/api/x')).statusCode).toBe(400)
  })
})
