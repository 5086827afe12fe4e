/**
 * Ids that a provider has reserved ahead, so that one request serves a batch of files. One that is
 * never used costs nothing; one that has become unusable is replaced by whoever meets it.
 */
import { type Clock, MINUTE_MS } from '../platform/clock.ts'
import type { ProviderAuth, ReservingProvider } from '../providers/provider.ts'

/** More than a batch of messages. */
const RESERVED_AT_ONCE = 20
/** How long a reserved id stays good is documented nowhere. */
const KEPT_MS = 10 * MINUTE_MS

interface Reserve {
  ids: string[]
  atMs: number
}

/** Takes an id out of an account's reserve. */
export type IdPool = (
  provider: ReservingProvider,
  auth: ProviderAuth,
  accountId: string,
) => Promise<string>

export function idPool(clock: Clock): IdPool {
  const reserves = new Map<string, Promise<Reserve>>()

  async function fill(provider: ReservingProvider, auth: ProviderAuth): Promise<Reserve> {
    const ids = await provider.reserveIds(auth, RESERVED_AT_ONCE)
    return { ids, atMs: clock.now() }
  }

  return async (provider, auth, accountId) => {
    for (;;) {
      // Several who find it empty wait for one request; its failure is each one's own to repeat.
      const filling = reserves.get(accountId) ?? fill(provider, auth)
      reserves.set(accountId, filling)
      try {
        const { ids, atMs } = await filling
        const id = clock.now() - atMs < KEPT_MS ? ids.pop() : undefined
        if (id !== undefined) return id
      } catch (error) {
        if (reserves.get(accountId) === filling) reserves.delete(accountId)
        throw error
      }
      if (reserves.get(accountId) === filling) reserves.delete(accountId)
    }
  }
}
