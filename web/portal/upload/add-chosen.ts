/** Takes what a person chose into the queue: new files, files of an earlier visit, and no file twice. */
import { isAllowedType } from '../../../shared/contract/allowed-type.ts'
import { MAX_FILE_NAME_LENGTH, MAX_RELATIVE_PATH_LENGTH } from '../../../shared/contract/limits.ts'
import { fingerprint, looseFingerprint } from './fingerprint.ts'
import { UploadEntry } from './upload-entry.ts'
import type { ChosenFile, Failure } from './upload-item.ts'
import type { UploadQueue } from './upload-queue.ts'

export interface Added {
  added: number
  /** Files of an earlier visit that go on. */
  resumed: number
  /** Chosen twice; sent once. */
  repeated: number
  /** In the list with the reason why they are not sent. */
  refused: number
}

export interface FileLimits {
  maxFileBytes: number
  /** As the `accept` attribute spells them; empty for all. */
  allowedTypes: readonly string[]
}

interface ChoiceRules extends FileLimits {
  newKey: () => string
}

/** Returns what became of the choice, and the new files that wait to be announced. */
export function addChosen(
  queue: UploadQueue,
  chosen: ChosenFile[],
  rules: ChoiceRules,
): { result: Added; fresh: UploadEntry[] } {
  const known = new Set(
    queue.entries.filter((entry) => entry.phase !== 'missing').map((entry) => fingerprint(entry)),
  )
  const missing = missingByFingerprint(queue.entries)
  const result: Added = { added: 0, resumed: 0, repeated: 0, refused: 0 }
  const fresh: UploadEntry[] = []
  for (const { file, relativePath } of chosen) {
    const { name, size, type, lastModified } = file
    const description = { name, relativePath, size, type, lastModified }
    const exact = fingerprint(description)
    const loose = relativePath === '' ? looseFingerprint(description) : exact
    const earlier = missing.get(exact) ?? missing.get(loose)
    if (earlier?.phase === 'missing') {
      queue.resume(earlier, file)
      result.resumed += 1
    } else if (known.has(exact)) {
      result.repeated += 1
      continue
    } else {
      const entry = new UploadEntry({ ...description, key: rules.newKey() }, file)
      const objection = objectionTo(entry, rules)
      queue.list([entry])
      if (objection) {
        queue.fail(entry, objection)
        result.refused += 1
      } else {
        fresh.push(entry)
        result.added += 1
      }
    }
    known.add(exact)
  }
  queue.enqueue(fresh)
  return { result, fresh }
}

function missingByFingerprint(entries: readonly UploadEntry[]): Map<string, UploadEntry> {
  const missing = new Map<string, UploadEntry>()
  for (const entry of entries) {
    if (entry.phase !== 'missing') continue
    missing.set(looseFingerprint(entry), entry)
    missing.set(fingerprint(entry), entry)
  }
  return missing
}

/** What would be refused anyway is refused at once, before anything is sent. */
function objectionTo(
  entry: UploadEntry,
  { maxFileBytes, allowedTypes }: FileLimits,
): Failure | undefined {
  const { name, relativePath, size, type } = entry
  if (!isAllowedType(allowedTypes, { fileName: name, mimeType: type }))
    return { reason: 'WRONG_TYPE' }
  if (size > maxFileBytes) return { reason: 'TOO_LARGE' }
  const isNameBad = name.length > MAX_FILE_NAME_LENGTH || /[/\\]/.test(name)
  const isPathBad = relativePath.length > MAX_RELATIVE_PATH_LENGTH
  return isNameBad || isPathBad ? { reason: 'BAD_NAME' } : undefined
}
