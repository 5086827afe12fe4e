import type { ComponentChildren } from 'preact'
import { Icon } from './icon.tsx'

interface NoticeProps {
  icon: 'lost' | 'alert' | 'closed' | 'pause'
  title: string
  text: string
  children?: ComponentChildren
}

/** What stands in the page's place when there is nothing to hand over. */
export function Notice({ icon, title, text, children }: NoticeProps) {
  return (
    <section class="card notice">
      <span class="medallion">
        <Icon name={icon} />
      </span>
      <h1>{title}</h1>
      <p>{text}</p>
      {children}
    </section>
  )
}
