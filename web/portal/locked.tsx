import { useEffect } from 'preact/hooks'
import { Icon } from './icon.tsx'
import type { Messages } from './messages.ts'
import { PasswordForm } from './password-form.tsx'
import type { PortalVisit } from './portal-visit.ts'

interface LockedProps {
  visit: PortalVisit
  portalName: string
  messages: Messages
  onUnlocked: () => void
}

/** All that is known of a portal before its password. */
export function Locked({ visit, portalName, messages, onUnlocked }: LockedProps) {
  useEffect(() => {
    document.title = messages.pageTitle(portalName)
  }, [messages, portalName])
  return (
    <section class="card notice">
      <span class="medallion">
        <Icon name="closed" />
      </span>
      <div>
        <p class="eyebrow">{messages.eyebrow}</p>
        <h1>
          <bdi>{portalName}</bdi>
        </h1>
      </div>
      <p>{messages.lockedText}</p>
      <PasswordForm visit={visit} messages={messages} onUnlocked={onUnlocked} />
    </section>
  )
}
