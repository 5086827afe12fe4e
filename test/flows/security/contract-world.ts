/** Two owners and two clients in one cloud, and the request of every route of the contract as the rightful caller sends it. */
import type { AppClient, AppRequest } from '../../../infra/local/app-client.ts'
import type { SessionReply } from '../../../shared/contract/auth.ts'
import { methodOf, pathOf, type RouteContract } from '../../../shared/contract/route.ts'
import * as example from '../../../shared/contract/routes/example-ids.ts'
import { CONTRACT, type ContractKey } from '../../../shared/contract/routes.ts'
import type { IntentReply } from '../../../shared/contract/uploads.ts'
import { untilUploaded } from '../../support/client-calls.ts'
import { pass } from '../../support/keepers.ts'
import {
  announce,
  bearer,
  createPortal,
  handOver,
  type Owner,
  SECOND_OWNER,
  startTestCloud,
  type TestCloud,
} from '../../support/local-cloud.ts'

const MIB = 1024 * 1024
const LETTER = { name: 'letter.txt', content: Buffer.from('Dear owner'), type: 'text/plain' }

export interface Person extends Owner {
  userId: string
  /** A second portal, so that every list has another page. */
  otherPortalId: string
  /** A file that is delivered. */
  uploadId: string
  /** A hand-over under way: a small file and one of several parts. */
  pending: IntentReply
}

export interface ContractWorld {
  test: TestCloud
  owner: Person
  intruder: Person
  /** Another hand-over at the owner's portal. */
  foreign: IntentReply
  close(): Promise<void>
}

export async function startContractWorld(): Promise<ContractWorld> {
  const test = await startTestCloud()
  const owner = await person(test, undefined, 'letters')
  const intruder = await person(test, SECOND_OWNER, 'intruders')
  const foreign = await announce(test.browser(), owner.portal.id, [LETTER])
  // From here on nothing happens by itself, so that what changes was changed by a request.
  await pass(test, 0)
  return { test, owner, intruder, foreign, close: () => test.close() }
}

async function person(test: TestCloud, email: string | undefined, slug: string): Promise<Person> {
  const owner = await test.owner({ ...(email ? { email } : {}), portal: { slug } })
  const other = await createPortal(owner.http, owner.accountId, { slug: `${slug}-too` })
  const client = test.browser()
  const { intent, uploadIds } = await handOver(client, owner.portal.id, [LETTER])
  const pending = await announce(client, owner.portal.id, [
    { name: 'small.txt', content: Buffer.from('four') },
    { name: 'parts.bin', content: Buffer.alloc(17 * MIB) },
  ])
  await untilUploaded(client, intent)
  const { user } = await owner.http.call<SessionReply>('GET', '/api/auth/session')
  return {
    ...owner,
    userId: user.id,
    otherPortalId: other.id,
    uploadId: uploadIds[0] ?? '',
    pending,
  }
}

/** The ids of a person in the place of those that the examples have. */
function idsOf({ accountId, portal, uploadId, pending }: Person): Record<string, string> {
  return {
    [example.ACCOUNT_ID]: accountId,
    [example.PORTAL_ID]: portal.id,
    [example.SUBMISSION_ID]: pending.submissionId,
    [example.UPLOAD_ID]: pending.uploads[1]?.uploadId ?? '',
    [example.SECOND_UPLOAD_ID]: pending.uploads[0]?.uploadId ?? '',
    [example.EVENT_ID]: uploadId,
  }
}

function paramsOf(key: ContractKey, { portal, uploadId, pending }: Person): Record<string, string> {
  const path = pathOf(key)
  const id = path.startsWith('/api/portals')
    ? portal.id
    : path.startsWith('/api/submissions')
      ? pending.submissionId
      : path.startsWith('/api/uploads')
        ? uploadId
        : (pending.uploads[1]?.uploadId ?? '')
  return { id, provider: 'google', slug: portal.slug }
}

export interface ContractRequest {
  method: string
  path: string
  /** Without what proves who calls. */
  headers: Record<string, string>
  json?: unknown
  body?: NonNullable<AppRequest['body']>
}

/** What the person would send; `body` is one of the examples with the person's own ids. */
export function requestOf(key: ContractKey, of: Person, exampleName?: string): ContractRequest {
  const row: RouteContract = CONTRACT[key]
  const params = paramsOf(key, of)
  const examples = row.body?.examples
  const body = examples?.[exampleName ?? Object.keys(examples)[0] ?? '']
  return {
    method: methodOf(key),
    path: pathOf(key).replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? ''),
    headers: row.ifMatch ? { 'if-match': `"${of.portal.version}"` } : {},
    ...(body === undefined ? {} : { json: withIds(body, idsOf(of)) }),
  }
}

function withIds(body: unknown, ids: Record<string, string>): unknown {
  const text = Object.entries(ids).reduce(
    (json, [from, to]) => json.replaceAll(`"${from}"`, `"${to}"`),
    JSON.stringify(body),
  )
  return JSON.parse(text)
}

/** Sends it as the one who may: with the session of an owner, or the token of a client. */
export function sendAs(
  test: TestCloud,
  key: ContractKey,
  caller: Person,
  request: ContractRequest,
): Promise<Response> {
  const row: RouteContract = CONTRACT[key]
  if (row.caller === 'owner') return sendBy(caller.http, request)
  const token = row.caller === 'read' ? caller.pending.readToken : caller.pending.uploadToken
  return sendBy(test.browser(), request, row.caller === 'anybody' ? {} : bearer(token))
}

export function sendBy(
  http: AppClient,
  { method, path, headers, ...content }: ContractRequest,
  more: Record<string, string> = {},
): Promise<Response> {
  return http.send(method, path, { ...content, headers: { ...headers, ...more } })
}
