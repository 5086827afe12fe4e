import { factsOf } from '../providers/providers.ts'
import type { Portal } from './portal.ts'

/** The largest file that a portal takes: what its owner says, and never more than its storage can hold. */
export function largestFileBytes({
  maxFileBytes,
  storageProvider,
}: Pick<Portal, 'maxFileBytes' | 'storageProvider'>): number {
  const most = factsOf(storageProvider).maxFileBytes
  return Math.min(maxFileBytes ?? most, most)
}
