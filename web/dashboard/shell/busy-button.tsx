import { Button, Loader } from '@mantine/core'
import type { ReactNode } from 'react'

interface BusyButtonProps {
  busy: boolean
  type?: 'button' | 'submit'
  size?: 'xs' | 'sm'
  variant?: 'filled' | 'default'
  color?: 'spruce' | 'danger'
  onClick?: () => unknown
  children: ReactNode
}

/** A button that keeps the keyboard's focus while its work is done; Mantine's `loading` disables it and loses the focus. */
export function BusyButton({ busy, type = 'button', onClick, children, ...look }: BusyButtonProps) {
  return (
    <Button
      {...look}
      type={type}
      aria-busy={busy}
      aria-disabled={busy}
      leftSection={busy && <Loader size="1rem" color="currentColor" />}
      onClick={(event) => {
        if (busy) event.preventDefault()
        else onClick?.()
      }}
    >
      {children}
    </Button>
  )
}
