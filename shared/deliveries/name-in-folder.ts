import { numberedName, safeSegment } from '../providers/names.ts'

/** After as many files of one name in one folder the upload's own id tells them apart. */
const NUMBERED_NAMES = 50

/** What a file is called in its folder at the nth attempt, when the earlier names are taken. */
export function nameInFolder(fileName: string, attempt: number, uploadId: string): string {
  const wanted = safeSegment(fileName)
  if (attempt === 1) return wanted
  return attempt <= NUMBERED_NAMES
    ? numberedName(wanted, attempt)
    : safeSegment(`${uploadId} ${wanted}`)
}
