import { CloseButton } from '@mantine/core'
import type { ReactNode } from 'react'

interface NoticeProps {
  tone: 'info' | 'warning' | 'danger'
  title: string
  children?: ReactNode
  actions?: ReactNode
  onClose?: () => void
}

/** Something to know before going on; trouble interrupts a screen reader, the rest waits. */
export function Notice({ tone, title, children, actions, onClose }: NoticeProps) {
  return (
    <div className="notice" data-tone={tone} role={tone === 'info' ? 'status' : 'alert'}>
      <div className="notice-head">
        <p className="notice-title">{title}</p>
        {onClose && <CloseButton size="sm" aria-label="Close this message" onClick={onClose} />}
      </div>
      {children !== undefined && <div className="notice-text">{children}</div>}
      {actions && <div className="notice-actions">{actions}</div>}
    </div>
  )
}
