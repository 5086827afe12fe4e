/** What tests of deliveries share: files, their state as the owner sees it, and a steered provider. */
import { randomBytes } from 'node:crypto'
import type { IntentReply, UploadReply } from '../../shared/contract/uploads.ts'
import {
  announce,
  type ClientFile,
  handOver,
  type Owner,
  putParts,
  type TestCloud,
} from './local-cloud.ts'
import { proofOf } from './proof.ts'
import type { Fault, ProviderStep } from './provider-suite.ts'
import { suiteOf } from './providers.ts'
import { until } from './until.ts'

export const MIB = 1024 * 1024
export const SWEEP = 'portage-local-sweep-due'

interface LoggedRequest {
  operation: string
  status: number
  /** Whose token it was, where it got that far. */
  account?: string
  session?: number
  fault?: string
}

export type Deliveries = ReturnType<typeof deliveriesOf>

export function deliveriesOf(test: TestCloud, owner: Owner) {
  const provider = suiteOf(owner.provider)
  const { chunkBytes, singleRequestBytes } = provider.driver(test.cloud.urls[provider.id])
  let files = 0

  async function emulator<T>(method: string, path: string, json?: object): Promise<T> {
    const response = await fetch(`${test.cloud.urls[provider.id]}/_emulator/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(json && { body: JSON.stringify(json) }),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  const upload = (uploadId: string) =>
    owner.http.call<UploadReply>('GET', `/api/uploads/${uploadId}`)

  const untilStatus = (uploadId: string, status: UploadReply['status'], timeoutMs = 40_000) =>
    until(
      async () => {
        const reply = await upload(uploadId)
        return reply.status === status && reply
      },
      { timeoutMs },
    )

  return {
    /** More than one request takes, so that a file of it needs a session. */
    oneChunkBytes: singleRequestBytes + MIB,
    /** A whole chunk and a rest. */
    twoChunksBytes: chunkBytes + MIB,
    upload,
    untilStatus,

    /** A file with a name of its own and random content. */
    newFile(sizeBytes: number, over: Partial<ClientFile> = {}): ClientFile {
      files += 1
      return { name: `file-${files}.bin`, content: randomBytes(sizeBytes), ...over }
    },

    async handOver(file: ClientFile): Promise<string> {
      const { uploadIds } = await handOver(test.browser(), owner.portal.id, [file])
      return uploadIds[0] ?? ''
    },

    /** Sends all bytes and says nothing more, as a browser that is closed after its last byte. */
    async sendOnly(file: ClientFile): Promise<string> {
      const intent = await announce(test.browser(), owner.portal.id, [file])
      const [plan] = intent.uploads
      if (!plan) throw new Error('no plan')
      await putParts(test.browser(), intent.uploadToken, plan, file.content)
      return plan.uploadId
    },

    announce: (file: ClientFile): Promise<IntentReply> =>
      announce(test.browser(), owner.portal.id, [file]),

    /** What the owner's storage holds under a file's name, but for what was thrown away: their hashes. */
    async arrived({ name }: ClientFile): Promise<string[]> {
      const delivered = await test.delivered(owner.email, provider.id)
      return delivered
        .filter((file) => file.name === name && !file.trashed)
        .map((file) => file.sha256)
    },

    /** Waits until the file is bound; returns what its owner sees. */
    async untilDelivered(uploadId: string, file: ClientFile): Promise<UploadReply> {
      const reply = await untilStatus(uploadId, 'uploaded')
      const { contentHash, sha256 = null } = proofOf(file.content, provider.storageId)
      if (reply.contentHash !== contentHash || reply.sha256 !== sha256) {
        throw new Error(`${file.name} has another hash`)
      }
      return reply
    },

    /** Spoils the next requests by which this step is taken. */
    spoil: (step: ProviderStep, fault: Fault) =>
      emulator('POST', 'faults', { ...provider.requests[step], ...fault }),
    clearFaults: () => emulator('DELETE', 'faults'),
    openFaults: async () => (await emulator<{ faults: unknown[] }>('GET', 'faults')).faults.length,
    steer: (action: 'revoke' | 'expire-tokens' | 'quota', json: object = {}) =>
      emulator<{ quota: { usedBytes: number } }>('POST', `accounts/${owner.email}/${action}`, json),

    forgetRequests: () => emulator('DELETE', 'requests'),

    /** Runs `work` and returns what the provider was asked meanwhile. */
    async requestsOf(work: () => Promise<unknown>): Promise<LoggedRequest[]> {
      await emulator('DELETE', 'requests')
      await work()
      return (await emulator<{ requests: LoggedRequest[] }>('GET', 'requests')).requests
    },

    /** Waits until the provider has taken so many chunks. */
    untilChunks: (count: number) =>
      until(async () => {
        const { requests } = await emulator<{ requests: LoggedRequest[] }>('GET', 'requests')
        const chunks = requests.filter(({ operation }) => operation === provider.chunkOperation)
        return chunks.length >= count
      }),

    stagedKeys: async (uploadId: string): Promise<string[]> => {
      const bucket = stagingBucket(test)
      return ['staging/scan', 'staging/safe']
        .map((prefix) => `${prefix}/${uploadId}`)
        .filter((key) => {
          const object = test.cloud.s3.readObject(bucket, key)
          object?.stream.destroy()
          return object !== undefined
        })
    },
  }
}

function variables({ provisioned }: TestCloud['cloud'], name: string): string[] {
  const values = provisioned.functions.flatMap(({ environment }) => environment[name] ?? [])
  return [...new Set(values)]
}

export function stagingBucket(test: TestCloud): string {
  const [bucket] = variables(test.cloud, 'STAGING_BUCKET')
  if (bucket === undefined) throw new Error('no function knows the staging bucket')
  return bucket
}

export function sessions(requests: LoggedRequest[]): number {
  return new Set(requests.flatMap(({ session }) => session ?? [])).size
}

export function count(requests: LoggedRequest[], operation: string): number {
  return requests.filter((request) => request.operation === operation).length
}
