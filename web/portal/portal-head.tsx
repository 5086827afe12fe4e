import { MAX_FILE_BYTES } from '../../shared/contract/limits.ts'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-paths.ts'
import type { Messages } from './messages.ts'
import { useIsPast } from './use-guards.ts'
import { whyClosed } from './why-closed.ts'

interface PortalHeadProps {
  portal: OpenPortalReply
  messages: Messages
  /** Once files are on their way, what was asked for is folded. */
  isCollecting: boolean
}

/** Whose page it is, until when it takes files and what its owner asks for. */
export function PortalHead({ portal, messages, isCollecting }: PortalHeadProps) {
  const { name, instructions, acceptsUploads } = portal
  return (
    <>
      <header class="title">
        <p class="eyebrow">{messages.eyebrow}</p>
        <h1 tabIndex={-1}>
          <bdi>{name}</bdi>
        </h1>
        <p class="lead">{messages.lead}</p>
        <Deadline portal={portal} messages={messages} />
      </header>
      {acceptsUploads && instructions !== null && instructions !== '' && (
        <details class="card instructions" open={isCollecting}>
          <summary>{messages.instructions}</summary>
          {/* Text and nothing else, whatever it holds. */}
          <p dir="auto">{instructions}</p>
        </details>
      )}
    </>
  )
}

function Deadline({ portal, messages }: Omit<PortalHeadProps, 'isCollecting'>) {
  const { deadline, acceptsUploads } = portal
  const deadlineMs = deadline === null ? Number.POSITIVE_INFINITY : Date.parse(deadline)
  const isLate = useIsPast(deadlineMs)
  if (!acceptsUploads) {
    const { icon, title, text } = whyClosed(portal, messages)
    return <TimeNote icon={icon} isWarning text={`${title}. ${text}`} />
  }
  if (deadline === null) return null
  const text = isLate ? messages.afterDeadline(deadlineMs) : messages.deadline(deadlineMs)
  return <TimeNote icon="clock" isWarning={isLate} text={text} />
}

interface TimeNoteProps {
  icon: IconName
  isWarning: boolean
  text: string
}

/** Read out when it changes while the page is open. */
function TimeNote({ icon, isWarning, text }: TimeNoteProps) {
  return (
    <p class={`deadline ${isWarning ? 'warning' : ''}`} role="status">
      <Icon name={icon} />
      <span>{text}</span>
    </p>
  )
}

/** What the portal takes, in a sentence; empty when it takes whatever its owner's storage does. */
export function fileRules({ limits }: Pick<OpenPortalReply, 'limits'>, messages: Messages): string {
  const { allowedTypes, maxFileBytes } = limits
  return messages.fileRules(allowedTypes, maxFileBytes < MAX_FILE_BYTES ? maxFileBytes : undefined)
}
