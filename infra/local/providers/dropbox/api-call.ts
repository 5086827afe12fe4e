/** What a function of API v2 gets, whatever its style: who calls, and with which argument. */
import * as z from 'zod'
import type { Account } from '../account-store.ts'
import type { Checksums } from '../checksums.ts'
import type { EmulatorParts } from '../emulator.ts'
import { bearerToken, type Exchange, type Reply } from '../exchange.ts'
import { uidOf } from './account-ids.ts'
import { BadInputError, DropboxError } from './dropbox-error.ts'
import type { EntryStore } from './entry-store.ts'
import type { NamespaceLock } from './namespace-lock.ts'
import type { SessionStore } from './session-store.ts'

export interface ApiParts extends EmulatorParts {
  entries: EntryStore
  sessions: SessionStore
  checksums: Checksums
  lock: NamespaceLock
}

export interface Caller {
  account: Account
  clientId: string
  scopes: string[]
  token: string
}

export interface ApiCall<Arg> extends Caller {
  parts: ApiParts
  exchange: Exchange
  /** `files/upload` */
  functionName: string
  arg: Arg
}

/** RPC takes JSON and answers JSON; content comes with the argument in a header, or goes so. */
type Style = 'rpc' | 'upload' | 'download'

export interface ApiFunction {
  style: Style
  scope: string | undefined
  takesArgument: boolean
  run(call: ApiCall<unknown>, source: string): Reply | Promise<Reply>
}

export function apiFunction<Arg>(definition: {
  style: Style
  scope?: string
  arg: z.ZodType<Arg>
  run(call: ApiCall<Arg>): Reply | Promise<Reply>
}): ApiFunction {
  return {
    style: definition.style,
    scope: definition.scope,
    takesArgument: true,
    run(call, source) {
      const parsed = definition.arg.safeParse(call.arg)
      if (parsed.success) return definition.run({ ...call, arg: parsed.data })
      throw new BadInputError(call.functionName, `${source}: ${complaint(parsed.error, call.arg)}`)
    },
  }
}

/** A function whose argument is Void: no body, or `null`. */
export function argumentless(definition: {
  scope?: string
  run(call: ApiCall<unknown>): Reply | Promise<Reply>
}): ApiFunction {
  return {
    style: 'rpc',
    scope: definition.scope,
    takesArgument: false,
    run: (call) => definition.run(call),
  }
}

export function authenticate(
  { accounts, oauth }: ApiParts,
  exchange: Exchange,
  functionName: string,
): Caller {
  if (exchange.request.headers.authorization === undefined) {
    throw new BadInputError(functionName, 'Must provide HTTP header "Authorization".')
  }
  const token = bearerToken(exchange) ?? ''
  const grant = oauth.findAccessToken(token)
  const account = grant && accounts.byId(grant.accountId)
  if (!account) throw new DropboxError({ '.tag': 'invalid_access_token' }, 401)
  exchange.account = account.email
  if (grant.isExpired) throw new DropboxError({ '.tag': 'expired_access_token' }, 401)
  checkPathRoot(exchange, account)
  return { account, clientId: grant.clientId, scopes: grant.scopes, token }
}

export function requireScope(caller: Caller, scope: string | undefined): void {
  if (scope === undefined || caller.scopes.includes(scope)) return
  throw new DropboxError({ '.tag': 'missing_scope', required_scope: scope }, 401)
}

const pathRoot = z.union([
  z.strictObject({ '.tag': z.literal('home') }),
  z.strictObject({ '.tag': z.literal('root'), root: z.string() }),
  z.strictObject({ '.tag': z.literal('namespace_id'), namespace_id: z.string() }),
])

/** A person without a team has one namespace. https://developers.dropbox.com/dbx-team-files-guide */
function checkPathRoot(exchange: Exchange, account: Account): void {
  const header = exchange.request.headers['dropbox-api-path-root']
  if (typeof header !== 'string') return
  const { data } = pathRoot.safeParse(readJson(header))
  if (data?.['.tag'] === 'home') return
  if (data?.['.tag'] === 'root' && data.root !== uidOf(account)) {
    const root_info = rootInfo(account)
    throw new DropboxError({ '.tag': 'invalid_root', invalid_root: root_info }, 422)
  }
  if (data?.['.tag'] === 'namespace_id' && data.namespace_id !== uidOf(account)) {
    throw new DropboxError({ '.tag': 'no_permission' }, 422)
  }
  if (!data) throw new DropboxError({ '.tag': 'other' }, 422)
}

export function rootInfo(account: Account): Record<string, string> {
  const uid = uidOf(account)
  return { '.tag': 'user', root_namespace_id: uid, home_namespace_id: uid }
}

/** The value, or undefined for what is no JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The first thing that is wrong, in Dropbox's manner: `path: 'x' did not match pattern '…'`. */
function complaint(error: z.ZodError, arg: unknown): string {
  const [issue] = error.issues
  if (!issue) return 'could not be read'
  const at = issue.path.map((step) => `${String(step)}: `).join('')
  const value = issue.path.reduce<unknown>((inner, step) => memberOf(inner, step), arg)
  if (issue.code === 'unrecognized_keys') return `${at}unknown field '${issue.keys[0]}'`
  if (value === undefined && issue.path.length > 0) {
    const outer = issue.path.slice(0, -1).map((step) => `${String(step)}: `)
    return `${outer.join('')}missing required field '${String(issue.path.at(-1))}'`
  }
  if (issue.code === 'invalid_format' && issue.format === 'regex') {
    return `${at}'${String(value)}' did not match pattern '${issue.pattern}'`
  }
  return `${at}${issue.message}`
}

function memberOf(value: unknown, step: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === String(step))?.[1]
}
