/**
 * Pieces of a stream lie outside of V8's heap, and V8 lets 50 MB of dead ones gather before it looks
 * at them, more the larger the function's memory is. Collecting the young ones on time takes a
 * millisecond and keeps a worker as small for a file of terabytes as for one of megabytes.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'minor' }) => void

let collect: Collect | undefined

export function collectYoungGarbage(): void {
  collect ??= exposedCollector()
  collect({ type: 'minor' })
}

/** Contexts that are made after the flag was set have the function. */
function exposedCollector(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collect
}
