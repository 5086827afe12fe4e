import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { deleteUpload } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { isOnItsWay } from './upload-status.ts'

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
  const remove = useMutation({
    mutationFn: deleteUpload,
    onSuccess: async ({ deletedFromCloud }) => {
      // Before it closes: the focus must not go back to a row that is about to vanish.
      await refresh()
      notifications.show({
        title: 'The file is deleted',
        message: deletedFromCloud
          ? `${upload.fileName} is gone from your storage and from this list.`
          : `${upload.fileName} is gone from this list.`,
      })
      onClose()
    },
    onError: refresh,
  })
  return (
    <ConfirmDialog
      title="Delete this file?"
      confirm="Delete"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(upload.id)}
      onClose={onClose}
    >
      <p className="wrap-anywhere">
        <strong>{upload.fileName}</strong>
      </p>
      <p>{consequence(upload)}</p>
    </ConfirmDialog>
  )
}

function consequence(upload: UploadReply): string {
  const provider = PROVIDER_NAMES[upload.storageProvider]
  if (upload.status === 'uploaded') {
    const unreachable = upload.storageStatus === 'DISCONNECTED' || upload.storageStatus === 'ERROR'
    return unreachable
      ? `Its ${provider} account is not within reach now, so the file cannot be deleted there. Reconnect the account first.`
      : `It is deleted from your ${provider} for good, without passing through the trash, and from this list. This cannot be undone.`
  }
  if (isOnItsWay(upload) || upload.status === 'held') {
    return `It has not reached your ${provider} yet. Its delivery ends and what we received is deleted. This cannot be undone.`
  }
  return `It never reached your ${provider}. It is deleted from this list, together with what we may still hold of it.`
}
