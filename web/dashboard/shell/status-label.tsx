import type { ReactNode } from 'react'

export type StatusColor = 'green' | 'yellow' | 'orange' | 'red' | 'grey' | 'blue'

interface StatusLabelProps {
  color: StatusColor
  busy?: boolean
  children: ReactNode
}

/** A coloured dot and a word: the colour alone never says anything (WCAG 2.2, 1.4.1). */
export function StatusLabel({ color, busy = false, children }: StatusLabelProps) {
  return (
    <span className="status" data-color={color}>
      <span className="status-dot" data-busy={busy} aria-hidden="true" />
      {children}
    </span>
  )
}
