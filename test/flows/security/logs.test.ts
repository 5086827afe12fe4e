import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { IntentReply, UploadReply } from '../../../shared/contract/uploads.ts'
import { complete, untilUploaded } from '../../support/client-calls.ts'
import { type Owner, putParts, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { callbackUrl } from './attack.ts'

const MIB = 1024 * 1024
const CLIENT = {
  clientName: 'canary-name',
  clientEmail: 'canary@example.net',
  clientMessage: 'canary-message',
}

let test: TestCloud
let owner: Owner

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
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
  // Google's access tokens, refresh tokens and upload sessions, as the emulator spells them.
  expect(text).not.toMatch(/ya29\.|1\/\/0[\w-]{20}|upload_id=/)
}

it('security rule 21: a sign-in and its failures leave no code, state or cookie in the logs', async () => {
  const browser = test.browser()
  const callback = await callbackUrl(browser, 'login', owner.email)
  const flowCookie = browser.cookie('portage_oauth')
  await test.addFault({ route: '/token', action: 'status:500' })
  expect((await browser.send('GET', callback)).status).toBe(503)
  expect((await browser.send('GET', callback)).status).toBe(400)
  await browser.signIn(owner.email)

  expect(written()).toContain('PROVIDER_UNAVAILABLE')
  expectNothingOf({
    code: callback.searchParams.get('code') ?? undefined,
    state: callback.searchParams.get('state') ?? undefined,
    flowCookie,
    session: browser.cookie('portage_session'),
  })
})

it('security rule 21: nor a hand-over and its failures any token, signature, session or client', async () => {
  const client = test.browser()
  const content = Buffer.alloc(17 * MIB, 'c')
  const intent = await client.call<IntentReply>('POST', '/api/upload', {
    json: {
      portalId: owner.portal.id,
      ...CLIENT,
      files: [{ fileName: 'canary-file', fileSize: content.length }],
    },
  })
  const [plan] = intent.uploads
  if (!plan) throw new Error('no upload was planned')
  await test.addFault({ route: '/upload/drive/v3/files', method: 'PUT', action: 'reset' })
  await putParts(client, intent.uploadToken, plan, content)
  await complete(client, intent.uploadToken, plan.uploadId)
  await untilUploaded(client, intent)
  await test.cloud.advanceClock(2 * 60 * 60)
  await test.addFault({ route: '/token', action: 'status:500', times: 20 })
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
