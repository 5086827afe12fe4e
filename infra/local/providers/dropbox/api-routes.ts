/** From a request of `/2/…` to its function, with its argument. */
import type { Exchange, Reply } from '../exchange.ts'
import { textReply } from '../exchange.ts'
import {
  type ApiFunction,
  type ApiParts,
  authenticate,
  readJson,
  requireScope,
} from './api-call.ts'
import { download, getTemporaryLink } from './download.ts'
import { BadInputError } from './dropbox-error.ts'
import { finishSession, finishSessions } from './finish.ts'
import {
  continueList,
  copyEntry,
  createFolder,
  deleteEntry,
  getLatestCursor,
  getMetadata,
  listFolder,
  moveEntry,
} from './folders.ts'
import { appendToSession, startSession, startSessions, upload } from './upload.ts'
import { checkUser, getCurrentAccount, getSpaceUsage, revokeToken, userinfo } from './users.ts'

export const API_FUNCTIONS: Readonly<Record<string, ApiFunction>> = {
  'auth/token/revoke': revokeToken,
  'check/user': checkUser,
  'files/copy_v2': copyEntry,
  'files/create_folder_v2': createFolder,
  'files/delete_v2': deleteEntry,
  'files/download': download,
  'files/get_metadata': getMetadata,
  'files/get_temporary_link': getTemporaryLink,
  'files/list_folder': listFolder,
  'files/list_folder/continue': continueList,
  'files/list_folder/get_latest_cursor': getLatestCursor,
  'files/move_v2': moveEntry,
  'files/upload': upload,
  'files/upload_session/append_v2': appendToSession,
  'files/upload_session/finish': finishSession,
  'files/upload_session/finish_batch_v2': finishSessions,
  'files/upload_session/start': startSession,
  'files/upload_session/start_batch': startSessions,
  'openid/userinfo': userinfo,
  'users/get_current_account': getCurrentAccount,
  'users/get_space_usage': getSpaceUsage,
}

const CORS_HACK = 'text/plain; charset=dropbox-cors-hack'
const CONTENT_TYPES = {
  rpc: ['application/json', 'application/json; charset=utf-8', CORS_HACK],
  upload: ['application/octet-stream', CORS_HACK],
  download: ['', 'text/plain', 'text/plain; charset=utf-8', 'application/octet-stream'],
}

export async function routeApi(parts: ApiParts, exchange: Exchange): Promise<Reply> {
  const name = exchange.url.pathname.slice('/2/'.length)
  const found = Object.hasOwn(API_FUNCTIONS, name) ? API_FUNCTIONS[name] : undefined
  if (!found) return textReply(400, `Unknown API function: "${name}"`)
  exchange.operation = name
  const isGet = exchange.method === 'GET' && found.style === 'download'
  if (exchange.method !== 'POST' && !isGet) {
    return textReply(405, 'Method not allowed')
  }
  refuseOtherHost(exchange, name, found)
  const caller = authenticate(parts, exchange, name)
  requireScope(caller, found.scope)
  const { arg, source } = await readArgument(exchange, name, found)
  return await found.run({ ...caller, parts, exchange, functionName: name, arg }, source)
}

/** The real names have a host for content and one for the rest. */
function refuseOtherHost({ request }: Exchange, name: string, { style }: ApiFunction): void {
  const host = (request.headers.host ?? '').replace(/:443$/, '')
  const wanted = style === 'rpc' ? 'api.dropboxapi.com' : 'content.dropboxapi.com'
  if (!host.endsWith('.dropboxapi.com') || host === wanted) return
  throw new BadInputError(name, `You attempted to call a function of ${wanted} at ${host}.`)
}

async function readArgument(
  exchange: Exchange,
  name: string,
  { style, takesArgument }: ApiFunction,
): Promise<{ arg: unknown; source: string }> {
  checkContentType(exchange, name, style, takesArgument)
  const { text, source } =
    style === 'rpc' ? await argumentOfBody(exchange) : argumentOfHeader(exchange, name)
  const arg = readJson(text)
  const isVoid = !takesArgument && (arg === null || (text === '' && !hasContentType(exchange)))
  if (isVoid) return { arg: null, source }
  if (arg === undefined) throw new BadInputError(name, `${source}: could not decode input as JSON`)
  // Its argument is a struct without members.
  if (!takesArgument && name !== 'openid/userinfo') {
    throw new BadInputError(name, `${source}: expected null, got ${typeof arg}`)
  }
  return { arg, source }
}

async function argumentOfBody(exchange: Exchange): Promise<{ text: string; source: string }> {
  exchange.text = await exchange.body.text()
  return { text: exchange.text, source: 'request body' }
}

function argumentOfHeader(exchange: Exchange, name: string): { text: string; source: string } {
  const inAddress = exchange.url.searchParams.get('arg')
  if (inAddress !== null) return { text: inAddress, source: 'URL parameter "arg"' }
  const header = exchange.request.headers['dropbox-api-arg']
  if (typeof header !== 'string') {
    throw new BadInputError(
      name,
      'Must provide HTTP header "Dropbox-API-Arg" or URL parameter "arg".',
    )
  }
  // Node reads headers byte by byte; clients that do not escape send UTF-8.
  const text = Buffer.from(header, 'latin1').toString('utf8')
  exchange.text = text
  return { text, source: 'HTTP header "Dropbox-API-Arg"' }
}

function checkContentType(
  exchange: Exchange,
  name: string,
  style: ApiFunction['style'],
  takesArgument: boolean,
): void {
  const type = (exchange.request.headers['content-type'] ?? '').toLowerCase().replace(/; */, '; ')
  const expected = CONTENT_TYPES[style]
  if (expected.includes(type) || (type === '' && !takesArgument)) return
  const list = expected.filter((one) => one !== '').map((one) => `"${one}"`)
  throw new BadInputError(
    name,
    `Bad HTTP "Content-Type" header: "${type}".  Expecting one of ${list.join(', ')}.`,
  )
}

function hasContentType({ request }: Exchange): boolean {
  return request.headers['content-type'] !== undefined
}
