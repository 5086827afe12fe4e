import type { PortalReply } from '../../../shared/contract/portals.ts'
import { formatBytes } from '../../common/format.ts'
import { countOf } from '../shell/count-of.ts'

const ASKED = [
  ['clientName', 'name'],
  ['clientEmail', 'e-mail'],
  ['clientMessage', 'message'],
] as const
const SHOWN_TYPES = 6

/** What is special about a portal, one line each; the deadline is told by its own time. */
export function portalFacts(
  portal: Pick<
    PortalReply,
    | 'fields'
    | 'allowedTypes'
    | 'maxFileBytes'
    | 'maxFiles'
    | 'maxTotalBytes'
    | 'passwordRequired'
    | 'clientFolders'
  >,
  locale: string,
): string[] {
  const required = ASKED.filter(([field]) => portal.fields[field] === 'required').map(
    ([, word]) => word,
  )
  const limits = [
    portal.maxFiles === null ? '' : countOf(portal.maxFiles, 'file'),
    portal.maxTotalBytes === null ? '' : `${formatBytes(portal.maxTotalBytes, locale)} together`,
    portal.maxFileBytes === null ? '' : `${formatBytes(portal.maxFileBytes, locale)} each`,
  ].filter(Boolean)
  const types = portal.allowedTypes.slice(0, SHOWN_TYPES)
  const moreTypes = portal.allowedTypes.length - types.length
  return [
    portal.passwordRequired ? 'Needs a password' : '',
    required.length > 0 ? `Requires: ${required.join(', ')}` : '',
    limits.length > 0 ? `At most ${limits.join(', ')}` : '',
    types.length > 0
      ? `Takes only: ${types.join(', ')}${moreTypes > 0 ? ` and ${moreTypes} more` : ''}`
      : '',
    portal.clientFolders ? 'A folder for each client' : '',
  ].filter(Boolean)
}
