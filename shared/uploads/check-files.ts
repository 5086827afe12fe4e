/** What a portal asks of the files that are announced, each named by its field. */
import { isAllowedType } from '../contract/allowed-type.ts'
import type { FieldProblem } from '../contract/problems.ts'
import type { FileIntent } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { hashToken } from '../platform/ids.ts'
import { largestFileBytes } from '../portals/largest-file.ts'
import type { Portal } from '../portals/portal.ts'
import { parseRelativePath, safeSegment } from '../providers/names.ts'

const MAX_FOLDERS_PER_SUBMISSION = 200

/** How the members of the file at an index are called in problems: they may stand flat. */
export type FieldOf = (index: number, member: keyof FileIntent) => string

/** Refuses files that the portal does not take, by type and size. */
export function checkFiles(
  portal: Pick<Portal, 'allowedTypes' | 'maxFileBytes' | 'storageProvider'>,
  files: FileIntent[],
  fieldOf: FieldOf,
): void {
  const largest = largestFileBytes(portal)
  const problems = files.flatMap((file, index): FieldProblem[] => [
    ...(isAllowedType(portal.allowedTypes, file)
      ? []
      : [
          {
            field: fieldOf(index, 'fileName'),
            message: `must be one of ${portal.allowedTypes.join(', ')}`,
          },
        ]),
    ...(file.fileSize <= largest
      ? []
      : [{ field: fieldOf(index, 'fileSize'), message: `must be at most ${largest} bytes` }]),
  ])
  if (problems.length > 0) {
    throw new PortageError('INVALID_REQUEST', 'This portal does not take such files.', {
      fields: problems,
    })
  }
}

const PATH_PROBLEM = {
  EMPTY: 'must name the file',
  ABSOLUTE: 'must not be absolute',
  DOT_SEGMENT: 'must not hold . or ..',
  TOO_DEEP: 'has too many levels',
} as const

/** The folders in which the client has a file, each one safe segment. */
export function foldersOf(file: FileIntent, field: string): string[] {
  if (file.relativePath === undefined) return []
  const refuse = (message: string) =>
    new PortageError('INVALID_REQUEST', `${field} ${message}.`, { fields: [{ field, message }] })
  const path = parseRelativePath(file.relativePath)
  if (!path.ok) throw refuse(PATH_PROBLEM[path.reason])
  if (file.relativePath.split('/').at(-1) !== file.fileName)
    throw refuse('must end with the file name')
  return path.folders
}

/** Every different folder of a hand-over, hashed so that two hundred long paths fit into one item. */
export function distinctFolders(known: string[], added: string[][]): string[] {
  const all = new Set(known)
  for (const folders of added) {
    for (let depth = 1; depth <= folders.length; depth += 1)
      all.add(hashToken(folders.slice(0, depth).join('/')))
  }
  if (all.size > MAX_FOLDERS_PER_SUBMISSION) {
    const message = `may have at most ${MAX_FOLDERS_PER_SUBMISSION} different folders in one hand-over`
    throw new PortageError('INVALID_REQUEST', `The files ${message}.`, {
      fields: [{ field: 'files', message }],
    })
  }
  return [...all]
}

/** The folder of one client, when the portal keeps them apart: its name, else its address, else the hand-over itself. */
export function clientFolder(
  portal: Pick<Portal, 'clientFolders'>,
  submission: {
    id: string
    clientName: string | null
    clientEmail: string | null
    createdAt: string
  },
): string[] {
  if (!portal.clientFolders) return []
  const unnamed = `${submission.createdAt.slice(0, 10)} ${submission.id}`
  return [safeSegment(submission.clientName ?? submission.clientEmail ?? unnamed)]
}
