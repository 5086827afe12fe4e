/** What a client asks for with one intent, and what its portal asks of the client. */
import type * as z from 'zod'
import type { FieldProblem } from '../contract/problems.ts'
import type { FileIntent, intentRequest } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import type { Portal } from '../portals/portal.ts'
import { checkFiles, foldersOf } from './check-files.ts'

export type Intent = Pick<
  z.output<typeof intentRequest>,
  'portalId' | 'submissionId' | 'token' | 'clientName' | 'clientEmail' | 'clientMessage'
> & {
  files: FileIntent[]
  /** One file whose members stand flat; problems name its fields so. */
  flat?: true
}

/** Who asks: a token of an earlier intent, if any, and where the distribution saw the client. */
export interface Client {
  bearer: string | undefined
  address: string
}

/** The files of an intent, whether they stand in `files` or one stands flat. */
export function toIntent(body: z.output<typeof intentRequest>): Intent {
  const { fileName, fileSize, mimeType, relativePath, lastModified, files, ...rest } = body
  if (files) return { ...rest, files }
  return {
    ...rest,
    flat: true,
    files: [
      {
        fileName: fileName ?? '',
        fileSize: fileSize ?? 0,
        mimeType: mimeType ?? '',
        ...(relativePath === undefined ? {} : { relativePath }),
        ...(lastModified === undefined ? {} : { lastModified }),
      },
    ],
  }
}

const CLIENT_FIELDS = ['clientName', 'clientEmail', 'clientMessage'] as const

/** Refuses an intent without what the portal requires, or with what it does not ask for. */
export function checkClient(portal: Portal, intent: Intent): void {
  const problems = CLIENT_FIELDS.flatMap((field): FieldProblem[] => {
    const rule = portal.fields[field]
    if (rule === 'required' && !intent[field]) {
      return [{ field, message: 'is required by this portal' }]
    }
    if (rule === 'hidden' && intent[field]) {
      return [{ field, message: 'is not asked for by this portal' }]
    }
    return []
  })
  if (problems.length > 0) {
    throw new PortageError('INVALID_REQUEST', 'This portal asks for other things about you.', {
      fields: problems,
    })
  }
}

/** The folders in which the client has each file, when the portal takes them all. */
export function checkedFolders(portal: Portal, intent: Intent): string[][] {
  const fieldOf = (index: number, member: keyof FileIntent) =>
    intent.flat ? member : `files.${index}.${member}`
  checkFiles(portal, intent.files, fieldOf)
  return intent.files.map((file, index) => foldersOf(file, fieldOf(index, 'relativePath')))
}
