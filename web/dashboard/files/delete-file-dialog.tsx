import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { deleteUpload } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { notify } from '../shell/notify.ts'
import { deleteConsequence } from './delete-consequence.ts'

export function DeleteFileDialog({
  upload,
  onClose,
}: {
  upload: UploadReply
  onClose: () => void
}) {
  const queryClient = useQueryClient()
  const refresh = () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: QUERY_KEYS.uploads }),
      queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals }),
    ])
  const { confirm, recordOnly, text } = deleteConsequence(upload)
  const remove = useMutation({
    mutationFn: () => deleteUpload(upload.id, recordOnly),
    onSuccess: async ({ deletedFromCloud }) => {
      // Before it closes: the focus must not go back to a row that is about to vanish.
      await refresh()
      notify({
        title: recordOnly ? 'The record is removed' : 'The file is deleted',
        message: deletedFromCloud
          ? `${upload.fileName} is gone from your storage and from this list.`
          : `${upload.fileName} is gone from this list.`,
      })
      onClose()
    },
    // The account's state may have changed since it was shown, and with it what can be done.
    onError: refresh,
  })
  return (
    <ConfirmDialog
      title={recordOnly ? 'Remove this file from the list?' : 'Delete this file?'}
      confirm={confirm}
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p className="wrap-anywhere">
        <strong>{upload.fileName}</strong>
      </p>
      <p>{text}</p>
    </ConfirmDialog>
  )
}
