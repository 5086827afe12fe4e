/**
 * Published rules that Google does not, or may not, enforce: a request that breaks one is answered
 * all the same, and the request log names the rule. A client that keeps them all can rely on what
 * is documented instead of on what happens to work.
 */
import type { Exchange } from '../exchange.ts'
import { type DriveCall, findDriveCall, takesParameter } from './drive-methods.ts'

const DRIVE_GUIDES = 'https://developers.google.com/workspace/drive/api/guides'
const OAUTH_GUIDE = 'https://developers.google.com/identity/protocols/oauth2/web-server'
const PKCE = 'https://www.rfc-editor.org/rfc/rfc7636'

/** "5 MB or less", and room for metadata and boundaries. */
const MAX_MULTIPART_BYTES = 5_000_000 + 4096
const UNIT_BYTES = 256 * 1024
/** 43 to 128 unreserved characters, for verifier and challenge alike. */
const PKCE_TEXT = /^[\w.~-]{43,128}$/
const SECRET_PARAMETERS = [
  'access_token',
  'oauth_token',
  'refresh_token',
  'client_secret',
  'code_verifier',
]

const AUTHORIZE_PARAMETERS = new Set(
  `client_id redirect_uri response_type scope access_type state include_granted_scopes
  enable_granular_consent login_hint prompt nonce hd display code_challenge code_challenge_method`.split(
    /\s+/,
  ),
)
/** By `grant_type`: what a request to the token endpoint says, all of it and nothing else. */
const TOKEN_MEMBERS: Record<string, string[]> = {
  authorization_code: [
    'client_id',
    'client_secret',
    'code',
    'code_verifier',
    'grant_type',
    'redirect_uri',
  ],
  refresh_token: ['client_id', 'client_secret', 'grant_type', 'refresh_token'],
}
/** Members of a file that the reference does not mark as output only. */
export const WRITABLE_MEMBERS = new Set(
  `appProperties contentHints contentRestrictions copyRequiresWriterPermission createdTime
  description downloadRestrictions folderColorRgb id inheritedPermissionsDisabled mimeType
  modifiedTime name originalFilename parents properties shortcutDetails starred trashed
  viewedByMeTime viewersCanCopyContent writersCanShare`.split(/\s+/),
)

/** A request after it was answered, when everything about it is known. */
interface Observed {
  exchange: Exchange
  headers: Record<string, string | undefined>
  /** Undefined for what is no call of Drive: sign-in, and the requests of an upload session. */
  call: DriveCall | undefined
  /** Undefined where a request has none, or broke off before it was read. */
  metadata: Record<string, unknown> | undefined
  form: URLSearchParams | undefined
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
    source: `${OAUTH_GUIDE}#callinganapi`,
    of: [''],
    isBroken: ({ exchange }) =>
      SECRET_PARAMETERS.some((name) => exchange.url.searchParams.has(name)),
  },
  {
    name: 'authorize: only documented parameters, each once',
    source: `${OAUTH_GUIDE}#creatingclient`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) =>
      [...url.searchParams.keys()].some(
        (name) => !AUTHORIZE_PARAMETERS.has(name) || url.searchParams.getAll(name).length > 1,
      ),
  },
  {
    name: 'authorize: access_type is online or offline, prompt a list of none, consent, select_account',
    source: `${OAUTH_GUIDE}#creatingclient`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) =>
      !['online', 'offline'].includes(url.searchParams.get('access_type') ?? 'online') ||
      !/^(none|(consent|select_account)( (consent|select_account))?)$/.test(
        url.searchParams.get('prompt') ?? 'none',
      ),
  },
  {
    name: 'authorize: a state that binds the answer to the browser',
    source: `${OAUTH_GUIDE}#creatingclient`,
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) => (url.searchParams.get('state') ?? '').length < 16,
  },
  {
    name: 'authorize: scope begins with openid where it asks who somebody is',
    source: 'https://developers.google.com/identity/openid-connect/openid-connect#scope-param',
    of: ['oauth.authorize'],
    isBroken: ({ exchange: { url } }) => {
      const scopes = (url.searchParams.get('scope') ?? '').split(' ')
      return scopes.some((scope) => /^(email|profile)$/.test(scope)) && scopes[0] !== 'openid'
    },
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
    name: 'token: a form that is posted',
    source: `${OAUTH_GUIDE}#exchange-authorization-code`,
    of: ['oauth.token.', 'oauth.revoke'],
    isBroken: ({ exchange, headers }) =>
      exchange.method !== 'POST' ||
      mediaType(headers['content-type']) !== 'application/x-www-form-urlencoded',
  },
  {
    name: 'token: the documented members, all and only those, and nothing in the address',
    source: `${OAUTH_GUIDE}#exchange-authorization-code`,
    of: ['oauth.token.'],
    isBroken: ({ exchange, form }) => {
      const members = TOKEN_MEMBERS[form?.get('grant_type') ?? '']
      const names = form && [...form.keys()].sort()
      return exchange.url.search !== '' || names?.join() !== members?.join()
    },
  },
  {
    name: 'token: a verifier of 43 to 128 unreserved characters',
    source: `${PKCE}#section-4.1`,
    of: ['oauth.token.code'],
    isBroken: ({ form }) => !PKCE_TEXT.test(form?.get('code_verifier') ?? ''),
  },
  {
    name: 'the access token in the Authorization header',
    source: `${OAUTH_GUIDE}#callinganapi`,
    of: ['drive.', 'oauth.userinfo'],
    isBroken: ({ headers }) => !/^Bearer \S+$/.test(headers['authorization'] ?? ''),
  },
  {
    name: 'a method that the reference lists',
    source: 'https://developers.google.com/workspace/drive/api/reference/rest/v3',
    of: ['unknown'],
    isBroken: () => true,
  },
  {
    name: 'only query parameters that the reference lists for the method, each once',
    source: 'https://developers.google.com/workspace/drive/api/reference/rest/v3',
    of: ['drive.'],
    isBroken: ({ exchange: { url }, call }) =>
      call !== undefined &&
      [...url.searchParams.keys()].some(
        (name) =>
          !takesParameter(call.method, name) ||
          url.searchParams.getAll(name).length > 1 ||
          (name === 'uploadType' && !url.pathname.startsWith('/upload/')),
      ),
  },
  {
    name: 'supportsAllDrives=true wherever it can be said',
    source: `${DRIVE_GUIDES}/enable-shareddrives`,
    of: ['drive.'],
    isBroken: ({ exchange: { url }, call }) =>
      call !== undefined &&
      takesParameter(call.method, 'supportsAllDrives') &&
      url.searchParams.get('supportsAllDrives') !== 'true',
  },
  {
    name: 'fields names the members that are wanted',
    source: `${DRIVE_GUIDES}/fields-parameter`,
    of: ['drive.'],
    isBroken: ({ exchange: { url }, call }) =>
      call?.method.answersFiles === true &&
      url.searchParams.get('alt') !== 'media' &&
      ['', '*'].includes(url.searchParams.get('fields') ?? ''),
  },
  {
    name: 'metadata as application/json, of writable members only',
    source: 'https://developers.google.com/workspace/drive/api/reference/rest/v3/files#File',
    of: ['drive.files.create', 'drive.files.update'],
    isBroken: ({ exchange, headers, metadata }) =>
      Object.keys(metadata ?? {}).some((name) => !WRITABLE_MEMBERS.has(name)) ||
      (!['media', 'multipart'].includes(exchange.url.searchParams.get('uploadType') ?? '') &&
        !/^application\/json(; *charset=utf-8)?$/i.test(headers['content-type'] ?? '')),
  },
  {
    name: 'no body where none is read',
    source: 'https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1',
    of: ['drive.about', 'drive.files.get', 'drive.files.list', 'drive.files.d', 'drive.files.gen'],
    isBroken: ({ exchange }) => exchange.body.declaredBytes !== 0,
  },
  {
    name: 'one range of bytes a download',
    source: `${DRIVE_GUIDES}/manage-downloads#partial_download`,
    of: ['drive.files.download'],
    isBroken: ({ headers }) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? 'bytes=0-0') ?? []
      return first === undefined || Number(last) < Number(first)
    },
  },
  {
    name: 'content as it is, not encoded',
    source: `${DRIVE_GUIDES}/manage-uploads`,
    of: ['drive.'],
    isBroken: ({ headers }) => headers['content-encoding'] !== undefined,
  },
  {
    name: 'content in one request up to 5 MB',
    source: `${DRIVE_GUIDES}/manage-uploads#multipart`,
    of: ['drive.files.create', 'drive.files.update'],
    isBroken: ({ exchange }) => exchange.body.receivedBytes > MAX_MULTIPART_BYTES,
  },
  {
    name: 'content with metadata, or in a session',
    source: `${DRIVE_GUIDES}/manage-uploads#simple`,
    of: ['drive.files.create', 'drive.files.update'],
    isBroken: ({ exchange: { url } }) => url.searchParams.get('uploadType') === 'media',
  },
  {
    name: 'a session is opened with type and length of the content',
    source: `${DRIVE_GUIDES}/manage-uploads#initial-request`,
    of: ['drive.files.create', 'drive.files.update'],
    isBroken: ({ exchange, headers }) =>
      exchange.url.pathname.startsWith('/upload/') &&
      exchange.url.searchParams.get('uploadType') === 'resumable' &&
      (!/^[\w.+-]+\/[\w.+-]+/.test(headers['x-upload-content-type'] ?? '') ||
        !/^\d+$/.test(headers['x-upload-content-length'] ?? '') ||
        exchange.body.declaredBytes === undefined),
  },
  {
    name: 'content of a session by PUT to the address that was given',
    source: `${DRIVE_GUIDES}/manage-uploads#upload-file`,
    of: ['drive.session.chunk', 'drive.session.status'],
    isBroken: ({ exchange: { method, url } }) =>
      method !== 'PUT' || url.searchParams.get('uploadType') !== 'resumable',
  },
  {
    name: 'a chunk says its range, its length and the whole size, in units of 256 KiB',
    source: `${DRIVE_GUIDES}/manage-uploads#upload-file`,
    of: ['drive.session.chunk'],
    isBroken: ({ headers }) => {
      const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '')
      const [first = 0, last = 0, total = 0] = match?.slice(1).map(Number) ?? []
      const length = last - first + 1
      const isWhole = first % UNIT_BYTES === 0 && length % UNIT_BYTES === 0
      return (
        !match ||
        headers['content-length'] !== String(length) ||
        last >= total ||
        !(isWhole || last === total - 1)
      )
    },
  },
  {
    name: 'a status is asked for without content and with the whole size',
    source: `${DRIVE_GUIDES}/manage-uploads#resume-upload`,
    of: ['drive.session.status'],
    isBroken: ({ headers }) =>
      headers['content-length'] !== '0' || !/^bytes \*\/\d+$/.test(headers['content-range'] ?? ''),
  },
]

/** Names of the rules that a request broke. */
export function brokenRules(exchange: Exchange): string[] {
  const { operation, method, url, request } = exchange
  // A fault refused it before anybody looked at what it asks for.
  if (operation === 'unknown' && exchange.fault) return []
  const observed: Observed = {
    exchange,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
    ),
    call: url.searchParams.has('upload_id') ? undefined : findDriveCall(method, url.pathname),
    metadata: readMetadata(exchange.text),
    form: exchange.text === undefined ? undefined : new URLSearchParams(exchange.text),
  }
  return REQUEST_RULES.filter(
    (rule) => rule.of.some((start) => operation.startsWith(start)) && rule.isBroken(observed),
  ).map(({ name }) => name)
}

function readMetadata(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch (error) {
    // What is no JSON is no metadata; the handler has refused it already.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function mediaType(header: string | undefined): string | undefined {
  return header?.split(';')[0]?.trim().toLowerCase()
}
