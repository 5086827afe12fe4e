/**
 * Published rules that Dropbox does not, or may not, enforce: a request that breaks one is answered
 * all the same, and the request log names the rule. A client that keeps them all can rely on what
 * is documented instead of on what happens to work.
 */
import type { Exchange } from '../exchange.ts'
import { readJson } from './api-call.ts'

const DOCUMENTATION = 'https://www.dropbox.com/developers/documentation/http/documentation'
const PKCE = 'https://www.rfc-editor.org/rfc/rfc7636'
const BLOCK_BYTES = 4 * 1024 * 1024

/** 43 to 128 unreserved characters, for verifier and challenge alike. */
const PKCE_TEXT = /^[\w.~-]{43,128}$/
const SECRET_PARAMETERS = [
  'access_token',
  'authorization',
  'refresh_token',
  'client_secret',
  'code_verifier',
]
const AUTHORIZE_PARAMETERS = new Set(
  `client_id disable_signup force_reapprove force_reauthentication include_granted_scopes locale
  redirect_uri require_role response_type scope state token_access_type code_challenge
  code_challenge_method`.split(/\s+/),
)

/** A request after it was answered, when everything about it is known. */
interface Observed {
  exchange: Exchange
  header(name: string): string
  form: URLSearchParams
  arg: Record<string, unknown>
}

interface Rule {
  name: string
  /** Where it is published. */
  source: string
  /** Operations that it is about; those that begin so. */
  of: string[]
  isBroken(request: Observed): boolean
}

export const REQUEST_RULES: readonly Rule[] = [
  {
    name: 'secrets never stand in an address',
    source: 'https://www.rfc-editor.org/rfc/rfc6750#section-2.3',
    of: [''],
    isBroken: ({ exchange }) =>
      SECRET_PARAMETERS.some((name) => exchange.url.searchParams.has(name)),
  },
  {
    name: 'authorize: only documented parameters, each once',
    source: `${DOCUMENTATION}#oauth2-authorize`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) =>
      [...url.searchParams.keys()].some(
        (name) => !AUTHORIZE_PARAMETERS.has(name) || url.searchParams.getAll(name).length > 1,
      ),
  },
  {
    name: 'authorize: a state that binds the answer to the browser',
    source: `${DOCUMENTATION}#oauth2-authorize`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) => (url.searchParams.get('state') ?? '').length < 16,
  },
  {
    name: 'authorize: PKCE by S256',
    source: `${PKCE}#section-4.2`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) =>
      url.searchParams.get('code_challenge_method') !== 'S256' ||
      !PKCE_TEXT.test(url.searchParams.get('code_challenge') ?? ''),
  },
  {
    name: 'token: a form that is posted, and nothing in the address',
    source: `${DOCUMENTATION}#oauth2-token`,
    of: ['oauth.token.'],
    isBroken: ({ exchange, header }) =>
      exchange.url.search !== '' ||
      !/^application\/x-www-form-urlencoded\b/i.test(header('content-type')),
  },
  {
    name: 'token: a verifier of 43 to 128 unreserved characters',
    source: `${PKCE}#section-4.1`,
    of: ['oauth.token.code'],
    isBroken: ({ form }) => !PKCE_TEXT.test(form.get('code_verifier') ?? ''),
  },
  {
    name: 'a function that the reference lists',
    source: DOCUMENTATION,
    of: ['unknown'],
    isBroken: () => true,
  },
  {
    name: 'an argument in a header is ASCII',
    source: 'https://www.dropbox.com/developers/reference/json-encoding',
    of: ['files/'],
    isBroken: ({ header }) => /[^\u0020-\u007e]/.test(header('dropbox-api-arg')),
  },
  {
    name: 'content of a session in multiples of 4 MiB, until it is closed',
    source: `${DOCUMENTATION}#files-upload_session-append`,
    of: ['files/upload_session/append'],
    isBroken: ({ exchange: { body }, arg }) =>
      arg['close'] !== true && body.receivedBytes % BLOCK_BYTES !== 0,
  },
  {
    name: 'a content hash with content',
    source: 'https://www.dropbox.com/developers/reference/content-hash',
    of: ['files/upload'],
    isBroken: ({ exchange: { body, operation }, arg }) =>
      body.receivedBytes > 0 &&
      !operation.endsWith('_batch') &&
      !operation.endsWith('_batch_v2') &&
      arg['content_hash'] === undefined,
  },
  {
    name: 'content as it is, not encoded',
    source: `${DOCUMENTATION}#formats`,
    of: ['files/'],
    isBroken: ({ header }) => header('content-encoding') !== '',
  },
]

/** Names of the rules that a request broke. */
export function brokenRules(exchange: Exchange): string[] {
  const { operation, request } = exchange
  // A fault refused it before anybody looked at what it asks for.
  if (exchange.fault && (operation === 'unknown' || exchange.text === undefined)) return []
  const observed: Observed = {
    exchange,
    header: (name) => request.headers[name]?.toString() ?? '',
    form: new URLSearchParams(exchange.text),
    arg: { ...Object(readJson(exchange.text ?? '')) },
  }
  return REQUEST_RULES.filter(
    (rule) => rule.of.some((start) => operation.startsWith(start)) && rule.isBroken(observed),
  ).map(({ name }) => name)
}
