/** The steps that every measurement begins with, over HTTP as a client takes them. */
import { AppClient } from '../../infra/local/app-client.ts'
import type { LocalCloud } from '../../infra/local/local-cloud.ts'
import { MAX_FILES_PER_INTENT } from '../../shared/contract/limits.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply, SubmissionReply, UploadPlan } from '../../shared/contract/uploads.ts'

export interface BenchCloud {
  cloud: LocalCloud
  client: AppClient
  portalId: string
}

const POLL_MS = 100

/** Names differ, so that no file has to be numbered because its name is taken. */
let named = 0

export async function openPortal(
  cloud: LocalCloud,
): Promise<{ client: AppClient; portalId: string }> {
  const owner = new AppClient(cloud.urls.app)
  await owner.signIn('owner@example.com')
  const storageAccountId = await owner.connectStorage('owner@example.com')
  const portal = await owner.call<PortalReply>('POST', '/api/portals', {
    json: { name: 'Bench', slug: 'bench', storageProvider: 'google_drive', storageAccountId },
  })
  return { client: new AppClient(cloud.urls.app), portalId: portal.id }
}

/** Announces files of this content, as many to an intent as the contract takes. */
export async function announce(
  { client, portalId }: BenchCloud,
  content: Buffer,
  count: number,
): Promise<IntentReply[]> {
  const intents: IntentReply[] = []
  for (let first = 0; first < count; first += MAX_FILES_PER_INTENT) {
    const files = Array.from({ length: Math.min(MAX_FILES_PER_INTENT, count - first) }, () => {
      named += 1
      return { fileName: `bench-${named}.bin`, fileSize: content.length }
    })
    intents.push(await client.call('POST', '/api/upload', { json: { portalId, files } }))
  }
  return intents
}

export async function sendBytes(
  { client }: BenchCloud,
  intent: IntentReply,
  plan: UploadPlan,
  content: Buffer,
): Promise<void> {
  for (let partNumber = 1; partNumber <= plan.partCount; partNumber += 1) {
    const known = plan.partUrls.find((part) => part.partNumber === partNumber)
    const part = known ?? (await signPart(client, intent, plan, partNumber))
    const startBytes = (partNumber - 1) * plan.partSize
    const response = await fetch(part.url, {
      method: 'PUT',
      headers: part.headers,
      body: new Uint8Array(content.subarray(startBytes, startBytes + plan.partSize)),
    })
    if (!response.ok) throw new Error(`PUT answered ${response.status}: ${await response.text()}`)
  }
}

async function signPart(
  client: AppClient,
  intent: IntentReply,
  plan: UploadPlan,
  partNumber: number,
) {
  const { parts } = await client.call<{ parts: UploadPlan['partUrls'] }>(
    'POST',
    `/api/upload/${plan.uploadId}/parts`,
    { headers: bearer(intent), json: { partNumbers: [partNumber] } },
  )
  const [part] = parts
  if (!part) throw new Error(`Part ${partNumber} was not signed`)
  return part
}

export async function complete({ client }: BenchCloud, intent: IntentReply, plan: UploadPlan) {
  await client.call('POST', `/api/upload/${plan.uploadId}/complete`, {
    headers: bearer(intent),
    json: {},
  })
}

/** Resolves when every file of the intents is in the owner's Drive. */
export async function delivered({ client }: BenchCloud, intents: IntentReply[]): Promise<void> {
  for (const intent of intents) {
    for (;;) {
      const { uploads } = await client.call<SubmissionReply>(
        'GET',
        `/api/submissions/${intent.submissionId}`,
        { headers: bearer(intent) },
      )
      if (uploads.every(({ status }) => status === 'uploaded')) break
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

function bearer(intent: IntentReply): Record<string, string> {
  return { authorization: `Bearer ${intent.uploadToken}` }
}
