import { Button, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { BusyButton } from './busy-button.tsx'
import { Dialog } from './dialog.tsx'
import { ProblemNotice } from './problem-notice.tsx'

interface ConfirmDialogProps {
  title: string
  /** Says what the button does, as a verb. */
  confirm: string
  danger?: boolean
  busy: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
  children: ReactNode
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, confirm, danger = false, busy, error, onConfirm, onClose, children } = props
  return (
    <Dialog title={title} onClose={onClose}>
      {error !== null && error !== undefined && <ProblemNotice error={error} />}
      <div className="dialog-text">{children}</div>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <BusyButton color={danger ? 'danger' : 'spruce'} busy={busy} onClick={onConfirm}>
          {confirm}
        </BusyButton>
      </Group>
    </Dialog>
  )
}
