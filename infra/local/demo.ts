/** The demo: an owner who signed up through the providers' real pages, with a portal to try. */
import type { AccountsReply } from '../../shared/contract/accounts.ts'
import type { CreatePortalRequest } from '../../shared/contract/portals.ts'
import { OAUTH_PROVIDER_IDS, type OauthProviderId } from '../../shared/providers/providers.ts'
import { AppClient } from './app-client.ts'

export const DEMO_EMAIL = 'owner@example.com'
const DEMO_SLUG = 'demo'

/** Makes the demo unless its portal is there already; returns the portal's path. */
export async function prepareDemo(origin: string): Promise<string> {
  const client = new AppClient(origin)
  const existing = await client.send('GET', `/api/portals/public/${DEMO_SLUG}`)
  await existing.body?.cancel()
  if (existing.status !== 200) {
    await client.signIn(DEMO_EMAIL)
    for (const id of OAUTH_PROVIDER_IDS) await storageOf(client, id)
    const portal: CreatePortalRequest = {
      name: 'Demo',
      slug: DEMO_SLUG,
      storageProvider: 'google_drive',
      storageAccountId: await storageOf(client, 'google'),
    }
    await client.call('POST', '/api/portals', { json: portal })
  }
  return `/p/${DEMO_SLUG}`
}

/** A start that was interrupted may have connected it already. */
async function storageOf(client: AppClient, provider: OauthProviderId): Promise<string> {
  const { accounts } = await client.call<AccountsReply>('GET', '/api/storage/accounts')
  const active = accounts.find(
    (account) => account.provider === provider && account.storageStatus === 'ACTIVE',
  )
  return active?.storageAccountId ?? client.connectStorage(DEMO_EMAIL, { provider })
}
