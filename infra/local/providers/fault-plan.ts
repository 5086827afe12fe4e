/**
 * Faults on demand. A fault waits for requests of its route, lets `skip` of them pass, spoils the
 * next `times` and is gone. Faults live in memory: a restart of the emulator heals everything.
 *
 * `status:N[:reason]` refuses without any effect · `apply-then-503` takes effect, then answers 503
 * as if the reply had been lost · `reset` breaks the connection in the middle of the body (of the
 * reply, when the request has none) · `partial` stores, or sends, only part of the content ·
 * `slow` waits `ms` before the request is handled · further actions are the provider's own.
 */
import * as z from 'zod'

const STATUS_ACTION = /^status:[45]\d\d(:[A-Za-z_]+)?$/
const STATUS = 'status'
const COMMON_ACTIONS = ['apply-then-503', 'reset', 'partial', 'slow']

export interface Fault {
  /** Path, a path's beginning in whole segments, or a pattern with `*`; `?name` or `?name=value` narrows it by query. */
  route: string
  method?: string | undefined
  skip: number
  times: number
  action: string
  /** How long `slow` waits. */
  ms: number
  /** How much `partial` keeps and after how much `reset` cuts; half of the body when absent. */
  bytes?: number | undefined
  /** Text of the error instead of the provider's usual one. */
  message?: string | undefined
  retryAfterSeconds?: number | undefined
}

export class FaultPlan {
  readonly #faults: Fault[] = []
  readonly #schema
  readonly #actions: string[]

  constructor(providerActions: readonly string[]) {
    const actions = [...COMMON_ACTIONS, ...providerActions]
    this.#actions = [STATUS, ...actions]
    this.#schema = z.strictObject({
      route: z.string().min(1),
      method: z.string().toUpperCase().optional(),
      skip: z.int().min(0).default(0),
      times: z.int().min(1).default(1),
      action: z.string().refine((text) => STATUS_ACTION.test(text) || actions.includes(text), {
        error: `action must be status:N, status:N:reason or one of ${actions.join(', ')}`,
      }),
      ms: z.int().min(0).max(600_000).default(1000),
      bytes: z.int().min(0).optional(),
      message: z.string().optional(),
      retryAfterSeconds: z.int().min(0).optional(),
    })
  }

  /** Throws a `ZodError` for a fault that nobody can play. */
  add(input: unknown): Fault {
    const fault = this.#schema.parse(input)
    this.#faults.push(fault)
    return fault
  }

  /** What a fault can say, and what it can do. */
  knobs(): { members: string[]; actions: string[] } {
    return { members: Object.keys(this.#schema.shape), actions: [...this.#actions] }
  }

  clear(): void {
    this.#faults.length = 0
  }

  list(): Fault[] {
    return this.#faults.map((fault) => ({ ...fault }))
  }

  /** The fault that this request meets, counted down; the first one that is due wins. */
  take(method: string, url: URL): Fault | undefined {
    for (const fault of this.#faults) {
      if (fault.method !== undefined && fault.method !== method) continue
      if (!routeMatches(fault.route, url)) continue
      if (fault.skip > 0) {
        fault.skip -= 1
        continue
      }
      fault.times -= 1
      const played = { ...fault }
      if (fault.times === 0) this.#faults.splice(this.#faults.indexOf(fault), 1)
      return played
    }
    return undefined
  }
}

/** Status and reason of a `status:N[:reason]` action. */
export function faultStatus(action: string): { status: number; reason?: string } | undefined {
  const [word, status, reason] = action.split(':')
  if (word !== STATUS) return undefined
  return { status: Number(status), ...(reason === undefined ? {} : { reason }) }
}

function routeMatches(route: string, url: URL): boolean {
  const [path = '', query = ''] = route.split('?')
  for (const [name, value] of new URLSearchParams(query)) {
    if (!url.searchParams.has(name)) return false
    if (value !== '' && url.searchParams.get(name) !== value) return false
  }
  const absolute = path.startsWith('/') || path.startsWith('*') ? path : `/${path}`
  const pattern = absolute
    .replace(/\/+$/, '')
    .split('*')
    .map((literal) => literal.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${pattern}(/.*)?$`).test(url.pathname)
}
