/** A deployment without the OAuth client of one provider serves the others. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import { type OauthProviderId, oauthProviderId } from '../../shared/contract/common.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { toStorageProviderId } from '../../shared/providers/provider-id.ts'
import { factsOf } from '../../shared/providers/providers.ts'
import { OWNER, type Owner, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { expectProblem } from '../support/problems.ts'

/** Functions read secrets anew after five minutes. */
const KEPT_SECONDS = 301

let test: TestCloud
let owner: Owner
let secretId: string
/** As the stage was set up. */
let clients: string

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  await owner.http.connectStorage(OWNER, { provider: 'dropbox' })
  const { functions } = test.cloud.provisioned
  secretId = functions.find(({ name }) => name.endsWith('-auth'))?.environment[
    ENV.oauthClientsSecret
  ] as string
  clients = test.cloud.secrets.getValue(secretId) ?? ''
})
afterAll(() => test.close())

/** The operator stores the client of one provider alone, and functions get to know of it. */
async function storeClientOf(provider: OauthProviderId, others: object = {}): Promise<void> {
  const client = JSON.parse(clients)[provider]
  test.cloud.secrets.putValue(secretId, JSON.stringify({ [provider]: client, ...others }))
  await test.cloud.advanceClock(KEPT_SECONDS)
}

it('offers every provider whose client is stored, to anybody', async () => {
  expect(Object.keys(JSON.parse(clients))).toEqual(oauthProviderId.options)
  expect(await test.browser().call('GET', '/api/auth/providers')).toEqual({
    providers: oauthProviderId.options,
  })
})

it.each(oauthProviderId.options)('names %s to somebody who did not allow it', async (provider) => {
  const http = test.browser()
  const page = await http.visit(`/api/auth/login/${provider}`)

  const { status, body } = await http.consent(page, { email: OWNER, decision: 'deny' })

  const { signInName } = factsOf(toStorageProviderId(provider))
  expect(status).toBe(403)
  expect(JSON.parse(body).detail).toContain(`the sign-in with ${signInName}.`)
})

it.each([
  ['google', 'dropbox', {}],
  ['dropbox', 'google', { google: { clientId: '', clientSecret: '' } }],
] as const)(
  'with %s alone, %s is not offered and begins nothing',
  async (stored, other, others) => {
    await storeClientOf(stored, others)
    const http = test.browser()

    expect(await http.call('GET', '/api/auth/providers')).toEqual({ providers: [stored] })
    await expectProblem(await http.send('GET', `/api/auth/login/${other}`), 'NOT_FOUND')
    await expectProblem(await owner.http.send('GET', `/api/oauth/${other}/start`), 'NOT_FOUND')
    await http.signIn(OWNER, { provider: stored })
    expect(await http.connectStorage(OWNER, { provider: stored })).toMatch(/^acc_/)
  },
)

it('an account whose provider is offered no more stays connected, and works again with its client', async () => {
  const dropbox = async () => {
    const { accounts } = await owner.http.call<AccountsReply>('GET', '/api/storage/accounts')
    return accounts.find(({ provider }) => provider === 'dropbox')
  }
  await storeClientOf('google')
  const { storageAccountId } = (await dropbox()) ?? {}
  // Its access token has run out by now, and there is no client by which to get another.
  await test.cloud.advanceClock(5 * 3600)
  const refresh = () =>
    owner.http.send('POST', '/api/storage/refresh-token', { json: { storageAccountId } })

  await expectProblem(await refresh(), 'PROVIDER_UNAVAILABLE')
  expect((await dropbox())?.storageStatus).toBe('ACTIVE')

  test.cloud.secrets.putValue(secretId, clients)
  await test.cloud.advanceClock(KEPT_SECONDS)

  expect((await refresh()).status).toBe(200)
})
