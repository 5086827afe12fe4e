import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IntentReply, UploadReply } from '../../../shared/contract/uploads.ts'
import { complete, untilUploaded } from '../../support/client-calls.ts'
import { type Owner, putParts, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { PROVIDERS } from '../../support/providers.ts'
import { callbackUrl, providerSecrets } from './attack.ts'

const MIB = 1024 * 1024
/** Longer than any access token. */
const TOKENS_LAST_SECONDS = 5 * 60 * 60
const CLIENT = {
  clientName: 'canary-name',
  clientEmail: 'canary@example.net',
  clientMessage: 'canary-message',
}

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

/** What functions wrote, and what lies in the queues, dead letters included. */
function written(): string {
  const files = ['logs', 'sqs'].flatMap((folder) =>
    readdirSync(join(test.dataDir, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(test.dataDir, folder, name),
    ),
  )
  const texts = files
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'))
  return [...test.logs, ...texts].join('\n')
}

function expectNothingOf(secrets: Record<string, string | undefined>): void {
  const text = written()
  for (const [name, secret] of Object.entries(secrets)) {
    if (secret === undefined) throw new Error(`${name} is not known`)
    expect(text.includes(secret), name).toBe(false)
  }
  // Codes, access and refresh tokens, upload sessions and links, of all that has happened here.
  for (const provider of PROVIDERS) {
    for (const secret of providerSecrets(test, provider)) {
      expect(text.includes(secret), `a secret of ${provider.name}`).toBe(false)
    }
  }
  for (const secret of clientSecrets()) expect(text.includes(secret)).toBe(false)
}

/** Those by which we prove ourselves to the providers. */
function clientSecrets(): string[] {
  const { provisioned, secrets } = test.cloud
  const texts = provisioned
    .ofType('AWS::SecretsManager::Secret')
    .map(({ ref }) => secrets.getValue(ref) ?? '')
  const found = texts.flatMap((text) =>
    [...text.matchAll(/"clientSecret":"([^"]+)"/g)].map(([, secret = '']) => secret),
  )
  expect(found).toHaveLength(PROVIDERS.length)
  return found
}

describe.each(PROVIDERS)('security rule 21, with $name:', (provider) => {
  let owner: Owner

  beforeAll(async () => {
    owner = await test.owner({ provider: provider.id })
  })

  it('a sign-in and its failures leave no code, state or cookie in the logs', async () => {
    const browser = test.browser()
    const callback = await callbackUrl(browser, 'login', owner.email, provider.id)
    const flowCookie = browser.cookie('portage_oauth')
    await test.addFault({ ...provider.requests.exchange, action: 'status:500' }, provider.id)
    expect((await browser.send('GET', callback)).status).toBe(503)
    expect((await browser.send('GET', callback)).status).toBe(400)
    await browser.signIn(owner.email, { provider: provider.id })

    expect(written()).toContain('PROVIDER_UNAVAILABLE')
    expectNothingOf({
      code: callback.searchParams.get('code') ?? undefined,
      state: callback.searchParams.get('state') ?? undefined,
      flowCookie,
      session: browser.cookie('portage_session'),
    })
  })

  it('nor a hand-over and its failures any token, signature, session or client', async () => {
    const client = test.browser()
    const content = Buffer.alloc(17 * MIB, provider.id)
    const intent = await client.call<IntentReply>('POST', '/api/upload', {
      json: {
        portalId: owner.portal.id,
        ...CLIENT,
        files: [{ fileName: 'canary-file', fileSize: content.length }],
      },
    })
    const [plan] = intent.uploads
    if (!plan) throw new Error('no upload was planned')
    await test.addFault({ ...provider.requests.chunk, action: 'reset' }, provider.id)
    await putParts(client, intent.uploadToken, plan, content)
    await complete(client, intent.uploadToken, plan.uploadId)
    await untilUploaded(client, intent)
    await test.cloud.advanceClock(TOKENS_LAST_SECONDS)
    await test.addFault(
      { ...provider.requests.refresh, action: 'status:500', times: 20 },
      provider.id,
    )
    const path = `/api/uploads/${plan.uploadId}`
    expect((await owner.http.send('DELETE', path)).status).toBe(503)
    expect((await owner.http.call<UploadReply>('GET', path)).clientName).toBe(CLIENT.clientName)

    const signature = new URL(plan.partUrls[0]?.url ?? '').searchParams.get('X-Amz-Signature')
    expectNothingOf({
      ...CLIENT,
      fileName: plan.fileName,
      uploadToken: intent.uploadToken,
      readToken: intent.readToken,
      signature: signature ?? undefined,
      session: owner.http.cookie('portage_session'),
    })
  })
})
