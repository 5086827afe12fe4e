import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Modal.css'
import '@mantine/core/styles/Overlay.css'
import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { useReturnFocus } from './use-return-focus.ts'

interface DialogProps {
  title: string
  size?: 'md' | 'lg'
  onClose: () => void
  children: ReactNode
}

export function Dialog({ title, size = 'md', onClose, children }: DialogProps) {
  useReturnFocus()
  return (
    <Modal.Root opened centered size={size} onClose={onClose}>
      <Modal.Overlay />
      <Modal.Content>
        {/* A `header` element here would count as a second banner of the page. */}
        <Modal.Header role="presentation">
          <Modal.Title className="dialog-title">{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close this dialog" />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
