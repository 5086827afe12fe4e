import type { ComponentChildren } from 'preact'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-paths.ts'

interface NoticeProps {
  icon: IconName
  /** Of which portal it is said, once that is known. */
  portalName?: string
  title: string
  text: string
  children?: ComponentChildren
}

/** What stands in the page's place when there is nothing to hand over. */
export function Notice({ icon, portalName, title, text, children }: NoticeProps) {
  return (
    <section class="card notice">
      <span class="medallion">
        <Icon name={icon} />
      </span>
      {portalName !== undefined && (
        <p class="eyebrow">
          <bdi>{portalName}</bdi>
        </p>
      )}
      <h1 tabIndex={-1}>{title}</h1>
      <p>{text}</p>
      {children}
    </section>
  )
}
