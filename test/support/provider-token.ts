/** A token as a consent gives it, through the provider's own page. */
import { readForm } from '../local/providers/form-page.ts'

interface Asked {
  /** Where the provider is. */
  origin: string
  client: { clientId: string; clientSecret: string }
  redirectUri: string
  scopes: readonly string[]
  email: string
}

export async function providerToken({
  origin,
  client,
  redirectUri,
  scopes,
  email,
}: Asked): Promise<string> {
  const discovery = await fetch(new URL('/.well-known/openid-configuration', origin))
  const endpoints = (await discovery.json()) as Record<
    'authorization_endpoint' | 'token_endpoint',
    string
  >
  const page = new URL(endpoints.authorization_endpoint)
  page.search = `${new URLSearchParams({
    client_id: client.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: scopes.join(' '),
    state: 'the state of an owner',
  })}`
  const form = readForm(await (await fetch(page)).text(), page.href)
  const answer = new URLSearchParams(form.fields)
  for (const scope of form.scopes) answer.append('scope', scope)
  answer.set('account', email)
  answer.set('decision', 'allow')
  const consented = await fetch(form.action, { method: 'POST', redirect: 'manual', body: answer })
  const callback = new URL(consented.headers.get('location') ?? '')
  const reply = await fetch(endpoints.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      code: callback.searchParams.get('code') ?? '',
      client_id: client.clientId,
      client_secret: client.clientSecret,
      redirect_uri: redirectUri,
      grant_type: 'authorization_code',
    }),
  })
  if (!reply.ok) throw new Error(`no token: ${reply.status} ${await reply.text()}`)
  return ((await reply.json()) as { access_token: string }).access_token
}
