/** Owners whom no other test knows, each with one account and one portal, and what they see and say of them. */
import { expect } from 'vitest'
import type {
  AccountEntry,
  AccountsReply,
  DeactivateReply,
} from '../../shared/contract/accounts.ts'
import type { EventEntry, EventsReply } from '../../shared/contract/events.ts'
import type { PortalReply } from '../../shared/contract/portals.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { complete, sha256 } from './client-calls.ts'
import { type Deliveries, deliveriesOf } from './deliveries.ts'
import { pass } from './keepers.ts'
import { type ClientFile, type Owner, putParts, type TestCloud } from './local-cloud.ts'

/** Probes of an account that is well lie 40 to 50 minutes apart. */
export const BEFORE_NEXT_PROBE_SECONDS = 39 * 60
export const UNTIL_NEXT_PROBE_SECONDS = 11 * 60 + 1

export interface Story extends Owner {
  files: Deliveries
}

/** A new owner; the account has been looked at for the first time. */
export async function newStory(test: TestCloud, provider: Owner['provider']): Promise<Story> {
  const { email, slug } = await newPerson(test, provider)
  const owner = await test.owner({ email, provider, portal: { slug } })
  const story = { ...owner, files: deliveriesOf(test, owner) }
  await pass(test, 1)
  expect((await accountOf(story)).quota).not.toBeNull()
  return story
}

let people = 0

/** Somebody whom the provider has not known before, and a link that nobody has. */
export async function newPerson(
  test: TestCloud,
  provider: Owner['provider'],
): Promise<{ email: string; slug: string }> {
  people += 1
  const email = `person-${people}@example.com`
  await test.addPerson({ email, name: 'Somebody' }, provider)
  return { email, slug: `of-person-${people}` }
}

/** What the owner reads of an account, the own one unless another is named. */
export async function accountOf(
  { http, accountId: own }: Pick<Owner, 'http' | 'accountId'>,
  accountId = own,
): Promise<AccountEntry> {
  const { accounts } = await http.call<AccountsReply>('GET', '/api/storage/accounts')
  const found = accounts.find(({ storageAccountId }) => storageAccountId === accountId)
  if (!found) throw new Error(`${accountId} is in no list`)
  return found
}

export function portalOf({ http, portal }: Owner, { id } = portal): Promise<PortalReply> {
  return http.call<PortalReply>('GET', `/api/portals/${id}`)
}

/** Newest first. */
export async function eventsOf({ http }: Owner, subjectId: string): Promise<EventEntry[]> {
  const path = `/api/events?subjectId=${subjectId}`
  return (await http.call<EventsReply>('GET', path)).events
}

/** The owner's word: pause, end or go on. */
export function say(
  { http, accountId }: Owner,
  what: 'deactivate' | 'disconnect' | 'reactivate',
): Promise<DeactivateReply> {
  const json = { storageAccountId: accountId }
  return http.call<DeactivateReply>('POST', `/api/storage/${what}`, { json })
}

/** A new consent of the owner; returns the account that it leads to. */
export function consentAgain({ http, email, provider }: Owner): Promise<string> {
  return http.connectStorage(email, { provider })
}

/** Sends what was announced. */
export async function send(
  test: TestCloud,
  intent: IntentReply,
  { content }: ClientFile,
): Promise<string> {
  const [plan] = intent.uploads
  if (!plan) throw new Error('no plan')
  const client = test.browser()
  await putParts(client, intent.uploadToken, plan, content)
  expect((await complete(client, intent.uploadToken, plan.uploadId)).status).toBe(202)
  return plan.uploadId
}

export async function expectArrived(
  { files }: Story,
  uploadId: string,
  file: ClientFile,
): Promise<void> {
  await files.untilDelivered(uploadId, file)
  expect(await files.arrived(file)).toEqual([sha256(file.content)])
}
