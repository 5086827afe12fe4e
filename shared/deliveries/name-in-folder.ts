import type { StorageProviderId } from '../contract/common.ts'
import { nameAtProvider, numberedName, safeSegment } from '../providers/names.ts'

/** After as many files of one name in one folder the upload's own id tells them apart. */
const NUMBERED_NAMES = 50

/** What a file is called in its folder at the nth attempt, when the earlier names are taken. */
export function nameInFolder(
  { id, fileName }: { id: string; fileName: string },
  provider: StorageProviderId,
  attempt: number,
): string {
  const wanted = nameAtProvider(provider, safeSegment(fileName))
  if (attempt === 1) return wanted
  return attempt <= NUMBERED_NAMES
    ? numberedName(wanted, attempt)
    : nameAtProvider(provider, safeSegment(`${id} ${wanted}`))
}
