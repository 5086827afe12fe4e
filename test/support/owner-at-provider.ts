/** What an owner does at the provider, without our service: in its own pages, told by its API. */
import type { OauthProviderId } from '../../shared/contract/common.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import type { OauthClientSecret } from '../../shared/platform/secrets.ts'
import type { Owner, TestCloud } from './local-cloud.ts'
import type { CallProvider } from './provider-suite.ts'
import { providerToken } from './provider-token.ts'
import { suiteOf } from './providers.ts'

export interface OwnerAtProvider {
  /** Throws away a file, or a folder with what it holds. */
  remove(path: string): Promise<void>
  /** Deletes a file so that nothing of it is left. */
  erase(path: string): Promise<void>
  rename(path: string, name: string): Promise<void>
  replace(path: string, content: Buffer): Promise<void>
}

export async function ownerAtProvider(
  test: TestCloud,
  { email, provider }: Pick<Owner, 'email' | 'provider'>,
): Promise<OwnerAtProvider> {
  const { storageScopes, deeds } = suiteOf(provider)
  const origin = test.cloud.urls[provider]
  const login = await test.browser().send('GET', `/api/auth/login/${provider}`)
  const asked = new URL(login.headers.get('location') ?? '').searchParams
  const token = await providerToken({
    origin,
    // Our own, because a provider may show an app's files to that app alone.
    client: clientOf(test, provider),
    redirectUri: asked.get('redirect_uri') ?? '',
    scopes: storageScopes,
    email,
  })
  const call = providerCall(origin, token)
  return {
    remove: (path) => deeds.remove(call, path),
    erase: (path) => deeds.erase(call, path),
    rename: (path, name) => deeds.rename(call, path, name),
    replace: (path, content) => deeds.replace(call, path, content),
  }
}

/** The provider's API with this token. */
export function providerCall(origin: string, token: string): CallProvider {
  return async (method, path, { json, content, headers } = {}) => {
    const response = await fetch(new URL(path, origin), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(json && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json && { body: JSON.stringify(json) }),
      ...(content && { body: new Uint8Array(content) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

function clientOf({ cloud: { provisioned, secrets } }: TestCloud, provider: OauthProviderId) {
  const [secretId] = provisioned.functions.flatMap(
    ({ environment }) => environment[ENV.oauthClientsSecret] ?? [],
  )
  if (secretId === undefined) throw new Error('no function knows the OAuth clients')
  const clients = JSON.parse(secrets.getValue(secretId)) as Record<string, OauthClientSecret>
  const client = clients[provider]
  if (!client) throw new Error(`there is no client for ${provider}`)
  return client
}
