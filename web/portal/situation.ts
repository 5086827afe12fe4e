import type { Totals } from './upload/progress.ts'
import type { Uploader } from './upload/uploader.ts'

/** What the head of the page says about all files together. */
export type Situation =
  /** Nothing is sent yet. */
  | 'collecting'
  | 'sending'
  /** As sending, while the device has no network. */
  | 'offline'
  /** Every byte is sent, not every file confirmed. */
  | 'finishing'
  | 'paused'
  | 'obstructed'
  | 'failed'
  | 'received'
  | 'held'
  | 'refused'
  | 'delivered'
  /** An earlier visit left files that must be chosen again. */
  | 'unfinished'
  | 'empty'

export function situationOf(
  { state, obstacle }: Pick<Uploader, 'state' | 'obstacle'>,
  { byPhase }: Pick<Totals, 'byPhase'>,
  isOnline: boolean,
): Situation {
  if (obstacle) return 'obstructed'
  if (state === 'collecting') return 'collecting'
  const toSend = byPhase.waiting + byPhase.sending
  if (toSend > 0 && state === 'paused') return 'paused'
  if (toSend > 0) return isOnline ? 'sending' : 'offline'
  if (byPhase.finishing > 0) return 'finishing'
  if (byPhase.missing > 0) return 'unfinished'
  if (byPhase.failed > 0) return 'failed'
  if (byPhase.received > 0) return 'received'
  if (byPhase.held > 0) return 'held'
  if (byPhase.refused > 0) return 'refused'
  if (byPhase.delivered > 0) return 'delivered'
  return 'empty'
}
