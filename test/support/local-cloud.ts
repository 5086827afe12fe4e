/** The whole service on free ports in a folder of its own, with the steps that every story begins with. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { AppClient } from '../../infra/local/app-client.ts'
import {
  type LocalCloud,
  type LocalCloudOptions,
  startLocalCloud,
} from '../../infra/local/local-cloud.ts'
import type { OauthProviderId } from '../../shared/contract/common.ts'
import type { CreatePortalRequest, PortalReply } from '../../shared/contract/portals.ts'
import type {
  CompleteRequest,
  FileIntent,
  IntentReply,
  SignedPart,
  SignPartsReply,
  UploadPlan,
} from '../../shared/contract/uploads.ts'

export const OWNER = 'owner@example.com'
export const SECOND_OWNER = 'second@example.com'

export type TestCloudOptions = Partial<LocalCloudOptions>

export interface TestCloud {
  /** The running cloud; another one after `restart`. */
  readonly cloud: LocalCloud
  readonly dataDir: string
  /** A new browser without cookies. */
  browser(): AppClient
  /** Signs in, connects storage and creates a portal, whose slug is its own. */
  owner(options?: OwnerOptions): Promise<Owner>
  /** What the emulator holds of an account. */
  delivered(email?: string, provider?: OauthProviderId): Promise<DeliveredFile[]>
  /** Calls that the emulator got, oldest first. */
  providerRequests(provider?: OauthProviderId): Promise<ProviderRequest[]>
  /** Upload sessions that the emulator has opened. */
  sessionCount(provider?: OauthProviderId): Promise<number>
  addFault(fault: Record<string, unknown>, provider?: OauthProviderId): Promise<void>
  clearFaults(provider?: OauthProviderId): Promise<void>
  /** Changes an account at its provider. */
  steer(account: ProviderAccount, action: SteerAction, json?: object): Promise<SteeredAccount>
  /** Makes a person at the provider, beside the two that are always there. */
  addPerson(person: { email: string; name: string }, provider?: OauthProviderId): Promise<void>
  /** Lines that functions wrote. */
  logs: string[]
  /** Closes the cloud and starts it again on the same data and ports. */
  restart(options?: TestCloudOptions): Promise<void>
  close(): Promise<void>
}

interface OwnerOptions {
  email?: string
  provider?: OauthProviderId
  portal?: Partial<CreatePortalRequest>
}

interface ProviderAccount {
  email: string
  provider: OauthProviderId
}

interface SteeredAccount {
  quota: { usedBytes: number; totalBytes: number | null }
}

type SteerAction = 'revoke' | 'expire-tokens' | 'quota'

export interface Owner {
  email: string
  /** Where the storage is. */
  provider: OauthProviderId
  http: AppClient
  accountId: string
  portal: PortalReply
}

export interface DeliveredFile {
  id: string
  name: string
  path: string
  size: number
  sha256: string
  md5: string
  trashed: boolean
}

export interface ProviderRequest {
  method: string
  path: string
  operation: string
  status: number
  /** Rules of the provider that the request broke, though it may have been answered. */
  brokenRules?: string[]
}

export interface ClientFile {
  name: string
  content: Buffer
  type?: string
  relativePath?: string
}

export interface Handover {
  intent: IntentReply
  /** In the order of the files. */
  uploadIds: string[]
}

export async function startTestCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'portage-cloud-')))
  const logs: string[] = []
  const start = (more: TestCloudOptions): Promise<LocalCloud> =>
    startLocalCloud({
      assemblyDir: inject('assemblyDir'),
      siteDir: inject('siteDir'),
      dataDir,
      onLog: ({ functionName, line }) => logs.push(`${functionName} ${line}`),
      ...options,
      ...more,
    })
  let cloud = await start({})
  let owners = 0

  const emulator = async <T>(
    provider: OauthProviderId,
    path: string,
    init?: RequestInit,
  ): Promise<T> => {
    const response = await fetch(`${cloud.urls[provider]}/_emulator/${path}`, init)
    if (!response.ok) throw new Error(`emulator: ${response.status} ${await response.text()}`)
    return (response.status === 204 ? undefined : await response.json()) as T
  }
  const post = <T>(provider: OauthProviderId, path: string, json: object): Promise<T> =>
    emulator<T>(provider, path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    })
  return {
    get cloud() {
      return cloud
    },
    dataDir,
    browser: () => new AppClient(cloud.urls.app),
    async owner({ email = OWNER, provider = 'google', portal = {} } = {}) {
      const http = new AppClient(cloud.urls.app)
      await http.signIn(email, { provider })
      const accountId = await http.connectStorage(email, { provider })
      owners += 1
      const slug = owners === 1 ? 'letters' : `letters-${owners}`
      const settings = { slug, storageProvider: provider, ...portal }
      const created = await createPortal(http, accountId, settings)
      return { email, provider, http, accountId, portal: created }
    },
    async delivered(email = OWNER, provider = 'google') {
      const path = `files?account=${encodeURIComponent(email)}`
      return (await emulator<{ files: DeliveredFile[] }>(provider, path)).files
    },
    providerRequests: async (provider = 'google') =>
      (await emulator<{ requests: ProviderRequest[] }>(provider, 'requests')).requests,
    sessionCount: async (provider = 'google') =>
      (await emulator<{ sessions: number }>(provider, 'requests')).sessions,
    addFault: (fault, provider = 'google') => post(provider, 'faults', fault),
    clearFaults: (provider = 'google') =>
      emulator(provider, 'faults', {
        method: 'DELETE',
        headers: { 'content-type': 'application/json' },
      }),
    steer: ({ email, provider }, action, json = {}) =>
      post(provider, `accounts/${encodeURIComponent(email)}/${action}`, json),
    addPerson: (person, provider = 'google') => post(provider, 'accounts', person),
    logs,
    async restart(more = {}) {
      const ports = portsOf(cloud)
      await cloud.close()
      cloud = await start({ ports, ...more })
    },
    async close() {
      await cloud.close()
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export async function createPortal(
  http: AppClient,
  storageAccountId: string,
  portal: Partial<CreatePortalRequest> = {},
): Promise<PortalReply> {
  const json: CreatePortalRequest = {
    name: 'Letters',
    slug: 'letters',
    storageProvider: 'google_drive',
    storageAccountId,
    ...portal,
  }
  return http.call<PortalReply>('POST', '/api/portals', { json })
}

/** Does what the portal page does: announces the files, puts their bytes and completes them. */
export async function handOver(
  http: AppClient,
  portalId: string,
  files: ClientFile[],
): Promise<Handover> {
  const intent = await announce(http, portalId, files)
  for (const [index, plan] of intent.uploads.entries()) {
    const file = files[index]
    if (file === undefined) throw new Error('the reply names more files than were announced')
    const etags = await putParts(http, intent.uploadToken, plan, file.content)
    await complete(http, intent.uploadToken, plan, etags)
  }
  return { intent, uploadIds: intent.uploads.map(({ uploadId }) => uploadId) }
}

export async function announce(
  http: AppClient,
  portalId: string,
  files: ClientFile[],
): Promise<IntentReply> {
  const intents: FileIntent[] = files.map((file) => ({
    fileName: file.name,
    fileSize: file.content.length,
    mimeType: file.type ?? 'application/octet-stream',
    ...(file.relativePath === undefined ? {} : { relativePath: file.relativePath }),
  }))
  return http.call<IntentReply>('POST', '/api/upload', { json: { portalId, files: intents } })
}

/** Puts all parts of an upload, signing what the plan did not hand out; returns their ETags in order. */
export async function putParts(
  http: AppClient,
  uploadToken: string,
  plan: UploadPlan,
  content: Buffer,
): Promise<string[]> {
  const etags: string[] = []
  const signed = new Map(plan.partUrls.map((part) => [part.partNumber, part]))
  for (let partNumber = 1; partNumber <= plan.partCount; partNumber++) {
    const part = signed.get(partNumber) ?? (await signPart(http, uploadToken, plan, partNumber))
    const start = (partNumber - 1) * plan.partSize
    const bytes = content.subarray(start, start + plan.partSize)
    etags.push(await putPart(part, bytes))
  }
  return etags
}

/** One presigned PUT; throws unless S3 takes it. */
export async function putPart(part: SignedPart, bytes: Buffer): Promise<string> {
  const response = await fetch(part.url, {
    method: 'PUT',
    headers: part.headers,
    body: new Uint8Array(bytes),
  })
  if (!response.ok) throw new Error(`PUT: ${response.status} ${await response.text()}`)
  await response.body?.cancel()
  return response.headers.get('etag') ?? ''
}

async function signPart(
  http: AppClient,
  uploadToken: string,
  plan: UploadPlan,
  partNumber: number,
): Promise<SignedPart> {
  const { parts } = await http.call<SignPartsReply>('POST', `/api/upload/${plan.uploadId}/parts`, {
    headers: bearer(uploadToken),
    json: { partNumbers: [partNumber] },
  })
  const [part] = parts
  if (part === undefined) throw new Error(`part ${partNumber} was not signed`)
  return part
}

export async function complete(
  http: AppClient,
  uploadToken: string,
  plan: UploadPlan,
  etags: string[],
): Promise<void> {
  const json: CompleteRequest =
    plan.method === 'put'
      ? {}
      : { parts: etags.map((etag, index) => ({ partNumber: index + 1, etag })) }
  await http.call('POST', `/api/upload/${plan.uploadId}/complete`, {
    headers: bearer(uploadToken),
    json,
  })
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

function portsOf({ urls }: LocalCloud): Required<LocalCloudOptions>['ports'] {
  const { app, ...others } = urls
  return Object.fromEntries(
    Object.entries({ edge: app, ...others }).map(([name, url]) => [
      name,
      Number(new URL(url).port),
    ]),
  )
}
