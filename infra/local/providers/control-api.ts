/**
 * The control API of a provider emulator, under `/_emulator/`: accounts, delivered files, the
 * request log and faults. The same for every provider; a provider implements `ControlledProvider`.
 */
import * as z from 'zod'
import { type Exchange, jsonReply, type Reply } from './exchange.ts'
import type { FaultPlan } from './fault-plan.ts'
import { refuseForeignControlCall } from './loopback-guard.ts'
import type { RequestLog } from './request-log.ts'

export interface ControlledAccount {
  email: string
  name: string
  id: string
  /** `totalBytes` null: no limit. */
  quota: { usedBytes: number; totalBytes: number | null }
}

export interface DeliveredFile {
  id: string
  account: string
  name: string
  /** From the root, with a leading slash. */
  path: string
  size: number
  sha256: string
  md5: string
  trashed: boolean
}

export interface QuotaChange {
  usedBytes?: number | undefined
  totalBytes?: number | null | undefined
}

export interface ControlledProvider {
  accounts(): ControlledAccount[]
  createAccount(account: { email: string; name?: string | undefined; quota?: QuotaChange }): void
  revoke(email: string): void
  expireTokens(email: string): void
  setQuota(email: string, quota: QuotaChange): void
  files(email: string): Promise<DeliveredFile[]>
  /** What else can be set about the provider as a whole; `change` throws a `ZodError`. */
  settings?: { read(): Record<string, unknown>; change(input: unknown): void }
}

const quotaChange = z.strictObject({
  usedBytes: z.int().min(0).optional(),
  totalBytes: z.int().min(0).nullable().optional(),
})
const newAccount = z.strictObject({
  email: z.email().toLowerCase(),
  name: z.string().min(1).max(200).optional(),
  quota: quotaChange.optional(),
})

type AccountAction = (
  provider: ControlledProvider,
  email: string,
  exchange: Exchange,
) => void | Promise<void>

/** What can happen to an account: `POST /_emulator/accounts/{email}/{action}`. */
const ACCOUNT_ACTIONS: Record<string, AccountAction> = {
  revoke: (provider, email) => provider.revoke(email),
  'expire-tokens': (provider, email) => provider.expireTokens(email),
  quota: async (provider, email, exchange) =>
    provider.setQuota(email, quotaChange.parse(await json(exchange))),
}

interface ControlParts {
  provider: ControlledProvider
  faults: FaultPlan
  log: RequestLog
}

export async function handleControlCall(parts: ControlParts, exchange: Exchange): Promise<Reply> {
  const refusal = refuseForeignControlCall(exchange.request)
  if (refusal) return refusal
  try {
    return await route(parts, exchange)
  } catch (error) {
    if (error instanceof z.ZodError) return jsonReply(400, { error: z.prettifyError(error) })
    if (error instanceof URIError) return jsonReply(400, { error: 'path is not well encoded' })
    if (error instanceof SyntaxError) return jsonReply(400, { error: 'body is not JSON' })
    throw error
  }
}

async function route(parts: ControlParts, exchange: Exchange): Promise<Reply> {
  const { provider, faults, log } = parts
  const { method, url } = exchange
  const [area = '', email, action = ''] = url.pathname
    .slice('/_emulator/'.length)
    .split('/')
    .map(decodeURIComponent)

  if (area === 'accounts' && email === undefined) {
    if (method === 'GET') return jsonReply(200, provider.accounts())
    if (method === 'POST') return createAccount(provider, await json(exchange))
  }
  if (area === 'accounts' && email !== undefined && method === 'POST') {
    const known = findAccount(provider, email)
    if (!known) return unknownAccount()
    const act = Object.hasOwn(ACCOUNT_ACTIONS, action) ? ACCOUNT_ACTIONS[action] : undefined
    if (!act) return jsonReply(404, { error: 'no such control call' })
    await act(provider, known.email, exchange)
    return jsonReply(200, findAccount(provider, known.email))
  }
  if (area === 'files' && method === 'GET') return await listFiles(provider, url)
  if (area === 'requests') {
    if (method === 'GET')
      return jsonReply(200, { requests: log.list(), sessions: log.sessionCount })
    if (method === 'DELETE') {
      log.clear()
      return { status: 204 }
    }
  }
  if (area === 'settings' && provider.settings) {
    if (method === 'POST') provider.settings.change(await json(exchange))
    if (method === 'GET' || method === 'POST') return jsonReply(200, provider.settings.read())
  }
  if (area === 'faults') {
    if (method === 'GET') {
      const knobs = { ...faults.knobs(), accounts: Object.keys(ACCOUNT_ACTIONS) }
      return jsonReply(200, { faults: faults.list(), knobs })
    }
    if (method === 'POST') return jsonReply(201, faults.add(await json(exchange)))
    if (method === 'DELETE') {
      faults.clear()
      return { status: 204 }
    }
  }
  return jsonReply(404, { error: 'no such control call' })
}

function createAccount(provider: ControlledProvider, input: unknown): Reply {
  const { email, name, quota } = newAccount.parse(input)
  if (findAccount(provider, email)) return jsonReply(409, { error: 'account exists' })
  provider.createAccount({ email, name, ...(quota ? { quota } : {}) })
  return jsonReply(201, findAccount(provider, email))
}

async function listFiles(provider: ControlledProvider, url: URL): Promise<Reply> {
  const email = url.searchParams.get('account')
  if (email !== null && !findAccount(provider, email)) return unknownAccount()
  const accounts = provider.accounts().filter((one) => email === null || sameEmail(one, email))
  const files = await Promise.all(accounts.map((one) => provider.files(one.email)))
  return jsonReply(200, { files: files.flat() })
}

function findAccount(provider: ControlledProvider, email: string): ControlledAccount | undefined {
  return provider.accounts().find((account) => sameEmail(account, email))
}

function sameEmail(account: ControlledAccount, email: string): boolean {
  return account.email === email.toLowerCase()
}

function unknownAccount(): Reply {
  return jsonReply(404, { error: 'no such account' })
}

async function json(exchange: Exchange): Promise<unknown> {
  return JSON.parse(await exchange.body.text())
}
