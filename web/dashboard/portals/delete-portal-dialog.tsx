import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { deletePortal } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { notify } from '../shell/notify.ts'

interface DeletePortalDialogProps {
  portal: PortalReply
  onClose: () => void
}

export function DeletePortalDialog({ portal, onClose }: DeletePortalDialogProps) {
  const queryClient = useQueryClient()
  const refresh = () => queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals })
  const remove = useMutation({
    mutationFn: deletePortal,
    onSuccess: async () => {
      // Before it closes: the focus must not go back to a card that is about to vanish.
      await refresh()
      notify({
        title: 'The portal is deleted',
        message: `The link of “${portal.name}” leads nowhere now.`,
      })
      onClose()
    },
    onError: refresh,
  })
  const files = portal._count.uploads
  return (
    <ConfirmDialog
      title="Delete this portal?"
      confirm="Delete"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(portal.id)}
      onClose={onClose}
    >
      <p className="wrap-anywhere">
        <strong>{portal.name}</strong>
      </p>
      <p>
        Its link stops working and its settings are gone; this cannot be undone. Only you can use
        the link’s name again.
      </p>
      <p>
        {files === 0
          ? 'No file was delivered through it.'
          : `${countOf(files, 'delivered file')} ${files === 1 ? 'stays' : 'stay'} in your storage and in the list of files.`}{' '}
        Files that are on their way are still delivered.
      </p>
    </ConfirmDialog>
  )
}
