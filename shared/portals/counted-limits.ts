/** What is left of a portal's limits lies in counters of its own; how they follow when its owner changes a limit. */
import type { Portal } from './portal.ts'
import type { LimitAdjustments } from './portal-places.ts'
import type { PortalTotals } from './portal-store.ts'

type Counted = Pick<Portal, 'maxFiles' | 'maxTotalBytes' | 'countedFiles' | 'countedBytes'>

/** The limits for which a portal counts what is left, after a change of what it was. */
export function countedLimits(
  before: Counted,
  after: Pick<Portal, 'maxFiles' | 'maxTotalBytes'>,
): Required<Pick<Portal, 'countedFiles' | 'countedBytes'>> {
  return {
    countedFiles: after.maxFiles ?? before.countedFiles ?? before.maxFiles,
    countedBytes: after.maxTotalBytes ?? before.countedBytes ?? before.maxTotalBytes,
  }
}

/**
 * How the counters of what is left follow from a change of limits. A first limit counts what was
 * delivered; what is on its way then was let in without limit. From there on a counter goes on, also
 * while its limit is lifted.
 */
export function limitAdjustments(
  before: Counted,
  after: Pick<Portal, 'maxFiles' | 'maxTotalBytes'>,
  totals: PortalTotals,
): LimitAdjustments {
  const { countedFiles, countedBytes } = countedLimits(before, before)
  const files = adjustment(countedFiles, after.maxFiles, totals.files)
  const bytes = adjustment(countedBytes, after.maxTotalBytes, totals.bytes)
  return {
    ...(files ? { remainingFiles: files } : {}),
    ...(bytes ? { remainingBytes: bytes } : {}),
  }
}

function adjustment(counted: number | null, after: number | null, used: number) {
  if (after === null || after === counted) return undefined
  return counted === null ? { set: after - used } : { moveBy: after - counted }
}
