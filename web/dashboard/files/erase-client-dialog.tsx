import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { EraseClientRequest, UploadReply } from '../../../shared/contract/uploads.ts'
import { eraseClient } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { notify } from '../shell/notify.ts'
import { clientToErase } from './client-to-erase.ts'

interface EraseClientDialogProps {
  upload: UploadReply
  onClose: () => void
}

export function EraseClientDialog({ upload, onClose }: EraseClientDialogProps) {
  const queryClient = useQueryClient()
  const client = clientToErase(upload)
  const erase = useMutation({
    mutationFn: eraseWhole,
    onSuccess: async ({ removedFiles }) => {
      await queryClient.invalidateQueries({ queryKey: QUERY_KEYS.uploads })
      notify({
        title: 'The client is erased',
        message:
          removedFiles === 0
            ? 'Delivered files stay in your storage.'
            : `${countOf(removedFiles, 'file')} that had not been delivered ${removedFiles === 1 ? 'is' : 'are'} gone.`,
      })
      onClose()
    },
    onError: () => queryClient.invalidateQueries({ queryKey: QUERY_KEYS.uploads }),
  })
  if (!client) return null
  return (
    <ConfirmDialog
      title={`Erase ${client.who}?`}
      confirm="Erase"
      danger
      busy={erase.isPending}
      error={erase.error}
      onConfirm={() => erase.mutate(client.request)}
      onClose={onClose}
    >
      <p>
        {client.scope} name, address and message are erased. Files that have not been delivered yet
        are removed, and the client’s own page about them ends.
      </p>
      <p>
        Delivered files stay in your storage and in this list; delete them one by one. This cannot
        be undone.
      </p>
    </ConfirmDialog>
  )
}

/** One call does as much as it has time for; the next goes on where it stopped. */
async function eraseWhole(request: EraseClientRequest): Promise<{ removedFiles: number }> {
  let removedFiles = 0
  for (;;) {
    const reply = await eraseClient(request)
    removedFiles += reply.removedFiles
    if (reply.complete) return { removedFiles }
  }
}
