import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../../infra/constructs/routes.ts'
import type {
  HttpApiRequest,
  HttpApiResponse,
} from '../../../infra/local/http-api/http-api-types.ts'
import { ENV, ORIGIN_VERIFY_HEADER } from '../../../shared/platform/env-names.ts'
import { startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { dumpTable, variable } from './attack.ts'

const ALL_ROUTES = Object.values(ROUTES).flat()
/** How long a warm function keeps a secret. */
const SECRET_KEPT_SECONDS = 300

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

function originVerify(): { current: string; previous: string } {
  const secretId = variable(test, 'auth', ENV.originVerifySecret)
  return JSON.parse(test.cloud.secrets.getValue(secretId) ?? '')
}

/** A request straight at the API's own address, past the distribution. */
function direct(route: string, headers: Record<string, string>): Promise<HttpApiResponse> {
  const [method = '', path = ''] = route.split(' ')
  return test.cloud.httpApi.handle({
    method,
    rawPath: path.replace(/\{[a-z]+\}/, 'google'),
    rawQueryString: '',
    headers: { host: 'api.example', 'content-type': 'application/json', ...headers },
    body: Buffer.from(method === 'POST' ? '{}' : ''),
    sourceIp: '203.0.113.9',
  })
}

async function codeOf(reply: HttpApiResponse): Promise<string> {
  const text = reply.body.toString()
  return text.startsWith('{') ? String((JSON.parse(text) as { code?: string }).code) : ''
}

describe('security rule 13: the API answers only what came through the distribution', () => {
  it.each(ALL_ROUTES)('%s is closed at its own address', async (route) => {
    const { current } = originVerify()
    const wrong = [
      {},
      { [ORIGIN_VERIFY_HEADER]: '' },
      { [ORIGIN_VERIFY_HEADER]: 'x' },
      { [ORIGIN_VERIFY_HEADER]: current.slice(0, -1) },
      { [ORIGIN_VERIFY_HEADER]: `${current}x` },
      { [ORIGIN_VERIFY_HEADER]: `${current},${current}` },
      { [ORIGIN_VERIFY_HEADER]: current.toUpperCase() },
      { 'x-origin-verify': current },
    ]
    for (const headers of wrong as Record<string, string>[]) {
      const reply = await direct(route, headers)
      expect([reply.statusCode, await codeOf(reply)]).toEqual([403, 'DISTRIBUTION_REQUIRED'])
      expect(reply.cookies).toEqual([])
    }
    expect(await codeOf(await direct(route, { [ORIGIN_VERIFY_HEADER]: current }))).not.toBe(
      'DISTRIBUTION_REQUIRED',
    )
  })

  it('wrote nothing for all these', async () => {
    const types = new Set(
      [...(await dumpTable(test)).keys()].map((key) => key.slice(0, key.indexOf('#'))),
    )
    // What the one right request of each route began: a login, and the count of a link that leads nowhere.
    expect([...types].sort()).toEqual(['rate', 'state'])
  })

  it("drops a viewer's own proof and address, and says itself who the viewer is", async () => {
    const seen: HttpApiRequest[] = []
    const { httpApi } = test.cloud
    const handle = httpApi.handle
    httpApi.handle = (request) => {
      seen.push(request)
      return handle.call(httpApi, request)
    }
    try {
      const response = await fetch(`${test.cloud.urls.app}/api/portals/public/nobody`, {
        headers: {
          [ORIGIN_VERIFY_HEADER]: 'forged',
          'cloudfront-viewer-address': '198.51.100.1:1',
          'CloudFront-Viewer-Country': 'XX',
          'x-forwarded-for': '198.51.100.1',
          'true-client-ip': '198.51.100.1',
        },
      })
      expect(response.status).toBe(404)
    } finally {
      httpApi.handle = handle
    }
    const headers = seen[0]?.headers ?? {}
    expect(headers[ORIGIN_VERIFY_HEADER]).toBe(originVerify().current)
    expect(headers['cloudfront-viewer-address']).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(headers).not.toHaveProperty('cloudfront-viewer-country')
  })

  it('never sends the proof to anybody', async () => {
    const { current } = originVerify()
    for (const path of [
      '/',
      '/p/x',
      '/api/portals',
      '/api/portals/public/nobody',
      '/nothing.txt',
    ]) {
      const response = await fetch(`${test.cloud.urls.app}${path}`)
      expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain(current)
    }
    expect(test.logs.join('\n')).not.toContain(current)
  })

  // Rotates the secret, which this distribution does not follow: last.
  it('takes both values while one is rotated, and an empty one never', async () => {
    const secretId = variable(test, 'auth', ENV.originVerifySecret)
    const old = originVerify().current
    const fresh = randomBytes(32).toString('hex')
    const route = 'GET /api/portals/public/{slug}'
    const answers = async () =>
      Promise.all(
        [old, fresh, ''].map(
          async (value) => (await direct(route, { [ORIGIN_VERIFY_HEADER]: value })).statusCode,
        ),
      )

    expect(await answers()).toEqual([404, 403, 403])
    test.cloud.secrets.putValue(secretId, JSON.stringify({ current: fresh, previous: old }))
    await test.cloud.advanceClock(SECRET_KEPT_SECONDS)
    expect(await answers()).toEqual([404, 404, 403])
    test.cloud.secrets.putValue(secretId, JSON.stringify({ current: fresh, previous: '' }))
    await test.cloud.advanceClock(SECRET_KEPT_SECONDS)
    expect(await answers()).toEqual([403, 404, 403])
  })
})
