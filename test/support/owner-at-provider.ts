/** What an owner does at the provider, without our service: in its own pages, told by its API. */
import { readForm } from '../local/providers/form-page.ts'
import type { Owner, TestCloud } from './local-cloud.ts'
import type { CallProvider } from './provider-suite.ts'
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
  const { id, storageScopes, deeds } = suiteOf(provider)
  const origin = test.cloud.urls[id]
  const token = await accessToken(test, email, id, storageScopes)
  const call: CallProvider = async (method, path, { json, content, headers } = {}) => {
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
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    const text = await response.text()
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    remove: (path) => deeds.remove(call, path),
    erase: (path) => deeds.erase(call, path),
    rename: (path, name) => deeds.rename(call, path, name),
    replace: (path, content) => deeds.replace(call, path, content),
  }
}

/** A token of our own client, because a provider may show an app's files to that app alone; got as a consent gives it. */
async function accessToken(
  test: TestCloud,
  email: string,
  id: Owner['provider'],
  scopes: readonly string[],
): Promise<string> {
  const login = await test.browser().send('GET', `/api/auth/login/${id}`)
  const asked = new URL(login.headers.get('location') ?? '')
  const client_id = asked.searchParams.get('client_id') ?? ''
  const redirect_uri = asked.searchParams.get('redirect_uri') ?? ''
  asked.search = `${new URLSearchParams({
    client_id,
    redirect_uri,
    response_type: 'code',
    scope: scopes.join(' '),
    state: 'the state of an owner',
  })}`
  const form = readForm(await (await fetch(asked)).text(), asked.href)
  const answer = new URLSearchParams(form.fields)
  for (const scope of form.scopes) answer.append('scope', scope)
  answer.set('account', email)
  answer.set('decision', 'allow')
  const consented = await fetch(form.action, { method: 'POST', redirect: 'manual', body: answer })
  const code = new URL(consented.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const discovery = await fetch(new URL('/.well-known/openid-configuration', test.cloud.urls[id]))
  const { token_endpoint } = (await discovery.json()) as { token_endpoint: string }
  const reply = await fetch(token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      code,
      client_id,
      client_secret: clientSecret(test, client_id),
      redirect_uri,
      grant_type: 'authorization_code',
    }),
  })
  if (!reply.ok) throw new Error(`no token: ${reply.status} ${await reply.text()}`)
  return ((await reply.json()) as { access_token: string }).access_token
}

function clientSecret({ cloud: { provisioned, secrets } }: TestCloud, clientId: string): string {
  const values = provisioned
    .ofType('AWS::SecretsManager::Secret')
    .map(({ ref }) => secrets.getValue(ref))
  const value = values.find((text) => text.includes(JSON.stringify(clientId)))
  if (value === undefined) throw new Error(`no secret is that of the client ${clientId}`)
  return (JSON.parse(value) as { clientSecret: string }).clientSecret
}
