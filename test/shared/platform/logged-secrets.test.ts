/** Security rule 21: nothing secret is written to the logs, whatever an error carries. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loggable } from '../../../shared/platform/log.ts'
import { TransactionRefused } from '../../../shared/platform/table.ts'
import { googleFlows, googleTokens } from '../../../shared/providers/drive/oauth.ts'

let server: Server
let url: string
let answered: string

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answered)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
})

function written(error: unknown): string {
  return JSON.stringify(loggable(error))
}

const idToken = (claims: object) =>
  [{ alg: 'RS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('AAAA')
    .join('.')
const refused = (call: Promise<unknown>) => call.then(() => undefined).catch((error) => error)

it.each([
  ['no access token', { refresh_token: 'CANARY', token_type: 'Bearer' }],
  ['a type that is none', { access_token: 'CANARY', refresh_token: 'CANARY', token_type: 5 }],
  [
    'an expiry that is none',
    { access_token: 'CANARY', refresh_token: 'CANARY', token_type: 'Bearer', expires_in: 'x' },
  ],
  [
    'an identity that has expired',
    {
      access_token: 'CANARY',
      token_type: 'Bearer',
      id_token: idToken({
        iss: 'CANARY',
        aud: 'id',
        sub: 'CANARY',
        email: 'CANARY',
        exp: 1,
        iat: 1,
      }),
    },
  ],
])('a token reply with %s is told without its tokens', async (_what, reply) => {
  answered = JSON.stringify(reply)
  const deps = {
    urls: { accountsUrl: url, oauthUrl: url, apiUrl: url },
    client: async () => ({ clientId: 'id', clientSecret: 'CANARY' }),
  }
  const checks = { state: 'CANARY', nonce: 'CANARY', codeVerifier: 'CANARY'.repeat(8) }
  const callback = new URL(`${url}/callback?code=CANARY&state=CANARY`)

  for (const error of [
    await refused(googleTokens(deps).refresh('CANARY')),
    await refused(googleFlows(deps).exchange(callback, checks)),
  ]) {
    expect(written(error)).toMatch(/"name":"Oauth(Refused|Unavailable)"/)
    expect(written(error)).not.toContain('CANARY')
  }
})

it('the reason stays: who could not answer, and in which words', async () => {
  answered = JSON.stringify({ token_type: 'Bearer' })
  const oauth = googleTokens({
    urls: { accountsUrl: url, oauthUrl: url, apiUrl: url },
    client: async () => ({ clientId: 'id', clientSecret: 'secret' }),
  })

  expect(loggable(await refused(oauth.refresh('x')))).toMatchObject({
    name: 'OauthUnavailable',
    message: 'The provider did not answer',
    cause: { code: 'OAUTH_INVALID_RESPONSE' },
  })
})

it('items that stood in the way of a transaction, inputs and addresses are left out', () => {
  const items = [{ pk: 'submission#sub_1', clientEmail: 'CANARY' }]
  const errors = [
    new TransactionRefused(items, { items }),
    new Error('Failed to parse URL from http://127.0.0.1/upload?upload_id=CANARY'),
    refusedNow(() => JSON.parse('CANARY {')),
    refusedNow(() => new URL('http://CANARY:99999')),
  ]
  for (const error of errors) {
    expect(written(error)).toContain('"stack":"    at ')
    expect(written(error)).not.toContain('CANARY')
  }
})

function refusedNow(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
