import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-paths.ts'
import type { Messages } from './messages.ts'
import type { Situation } from './situation.ts'
import { useIsPast } from './use-guards.ts'
import { whyClosed } from './why-closed.ts'

interface PortalHeadProps {
  portal: OpenPortalReply
  messages: Messages
  situation: Situation
}

/** Whose page it is, until when it takes files and what its owner asks for. */
export function PortalHead({ portal, messages, situation }: PortalHeadProps) {
  const { name, instructions, acceptsUploads } = portal
  return (
    <>
      <header class="title">
        <p class="eyebrow">{messages.eyebrow}</p>
        <h1 tabIndex={-1}>
          <bdi>{name}</bdi>
        </h1>
        <p class="lead">{messages.lead}</p>
        <Deadline portal={portal} messages={messages} situation={situation} />
      </header>
      {acceptsUploads && instructions !== null && instructions !== '' && (
        // Folded once files are on their way, so that those are seen first.
        <details class="card instructions" open={situation === 'collecting'}>
          <summary>{messages.instructions}</summary>
          {/* Text and nothing else, whatever it holds. */}
          <p dir="auto">{instructions}</p>
        </details>
      )}
    </>
  )
}

function Deadline({ portal, messages, situation }: PortalHeadProps) {
  const { deadline, acceptsUploads } = portal
  const deadlineMs = deadline === null ? Number.POSITIVE_INFINITY : Date.parse(deadline)
  const isLate = useIsPast(deadlineMs)
  if (!acceptsUploads) {
    // Said already, as what stands in the way.
    if (situation === 'obstructed') return null
    const { icon, title, text } = whyClosed(portal, messages)
    return <TimeNote icon={icon} isWarning={false} text={`${title}. ${text}`} />
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
