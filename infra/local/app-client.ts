/** A browser without a page: keeps cookies, follows redirects from app to provider and back, submits forms. */
import type { OauthProviderId } from '../../shared/contract/common.ts'

export interface AppRequest {
  json?: unknown
  body?: string | URLSearchParams | FormData | Blob
  headers?: Record<string, string>
}

export interface Page {
  url: URL
  status: number
  body: string
}

export interface ConsentAnswer {
  email: string
  decision?: 'allow' | 'deny'
  /** Scopes to untick. */
  withoutScopes?: string[]
}

/** More would be a loop. */
const MAX_REDIRECTS = 10

export class AppClient {
  readonly origin: string
  /** By origin and name. */
  readonly #cookies = new Map<string, Map<string, string>>()

  constructor(origin: string) {
    this.origin = origin
  }

  /** One request without following redirects; `path` may be a URL of another origin. */
  async send(method: string, path: string | URL, request: AppRequest = {}): Promise<Response> {
    const url = new URL(path, this.origin)
    const headers = new Headers(request.headers)
    const cookies = this.#cookies.get(url.origin)
    if (cookies !== undefined && cookies.size > 0 && !headers.has('cookie')) {
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    }
    // A browser names its page's origin with everything that may change something.
    if (method !== 'GET' && method !== 'HEAD' && !headers.has('origin')) {
      headers.set('origin', url.origin)
    }
    let body = request.body
    if (request.json !== undefined) {
      headers.set('content-type', 'application/json')
      body = JSON.stringify(request.json)
    }
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    })
    this.#keepCookies(url.origin, response)
    return response
  }

  /** A JSON call that is to succeed; throws with the reply otherwise. */
  async call<T>(method: string, path: string, request: AppRequest = {}): Promise<T> {
    const response = await this.send(method, path, request)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** Gets a page, following redirects over all origins. */
  async visit(path: string | URL): Promise<Page> {
    return this.#follow(new URL(path, this.origin), await this.send('GET', path))
  }

  /** Submits the one form of a page as a browser does, then follows redirects. */
  async submit(page: Page, fields: [name: string, value: string][]): Promise<Page> {
    const form = /<form[^>]*\baction="([^"]*)"/.exec(page.body)
    if (form === null) throw new Error(`no form at ${page.url.href}: ${page.body.slice(0, 500)}`)
    const hidden = inputs(page.body)
      .filter((input) => input['type'] === 'hidden')
      .map((input): [string, string] => [input['name'] ?? '', input['value'] ?? ''])
    const url = new URL(unescapeHtml(form[1] ?? ''), page.url)
    const response = await this.send('POST', url, {
      body: new URLSearchParams([...hidden, ...fields]),
    })
    return this.#follow(url, response)
  }

  /** Answers a provider's consent page. */
  async consent(page: Page, answer: ConsentAnswer): Promise<Page> {
    const scopes = inputs(page.body)
      .filter((input) => input['type'] === 'checkbox' && input['name'] === 'scope')
      .map((input) => input['value'] ?? '')
      .filter((scope) => !answer.withoutScopes?.includes(scope))
    return this.submit(page, [
      ['account', answer.email],
      ...scopes.map((scope): [string, string] => ['scope', scope]),
      ['decision', answer.decision ?? 'allow'],
    ])
  }

  /** Signs in through the provider's own pages; ends at `returnTo`. */
  async signIn(
    email: string,
    { provider = 'google', returnTo = '/' }: { provider?: OauthProviderId; returnTo?: string } = {},
  ): Promise<Page> {
    const start = `/api/auth/login/${provider}?returnTo=${encodeURIComponent(returnTo)}`
    return this.consent(await this.visit(start), { email })
  }

  /** Connects storage; returns the id of the account. */
  async connectStorage(
    email: string,
    { provider = 'google' }: { provider?: OauthProviderId } = {},
  ): Promise<string> {
    const page = await this.consent(await this.visit(`/api/oauth/${provider}/start?returnTo=/`), {
      email,
    })
    const accountId = page.url.searchParams.get('connected')
    if (accountId === null) {
      throw new Error(`connecting ended at ${page.url.pathname}${page.url.search}: ${page.body}`)
    }
    return accountId
  }

  cookie(name: string, origin = this.origin): string | undefined {
    return this.#cookies.get(origin)?.get(name)
  }

  forgetCookies(): void {
    this.#cookies.clear()
  }

  async #follow(from: URL, first: Response): Promise<Page> {
    let url = from
    let response = first
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const location = response.headers.get('location')
      if (location === null || response.status < 300 || response.status > 399) {
        return { url, status: response.status, body: await response.text() }
      }
      await response.body?.cancel()
      url = new URL(location, url)
      response = await this.send('GET', url)
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects from ${from.href}`)
  }

  #keepCookies(origin: string, response: Response): void {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>()
    this.#cookies.set(origin, jar)
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const at = pair.indexOf('=')
      const isGone = attributes.some((attribute) => /^max-age=0$/i.test(attribute))
      if (isGone) jar.delete(pair.slice(0, at))
      else jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }
}

function inputs(html: string): Record<string, string>[] {
  return [...html.matchAll(/<input\b([^>]*)>/g)].map((tag) =>
    Object.fromEntries(
      [...(tag[1] ?? '').matchAll(/([a-z-]+)="([^"]*)"/g)].map((attribute) => [
        attribute[1] ?? '',
        unescapeHtml(attribute[2] ?? ''),
      ]),
    ),
  )
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
