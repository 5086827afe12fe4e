import { useQuery } from '@tanstack/react-query'
import { getUpload } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { FileDetails } from '../files/file-details.tsx'
import { Dialog } from '../shell/dialog.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'

interface UploadOfEventProps {
  uploadId: string
  portalName: (portalId: string) => string
  accountName: (accountId: string) => string | undefined
  onClose: () => void
}

/** Entries hold ids alone, so that a file's name is asked for only when somebody wants to know. */
export function UploadOfEvent({ uploadId, portalName, accountName, onClose }: UploadOfEventProps) {
  const upload = useQuery({
    queryKey: QUERY_KEYS.upload(uploadId),
    queryFn: ({ signal }) => getUpload(uploadId, signal),
  })
  if (upload.isError) {
    return (
      <Dialog title="The file cannot be shown" onClose={onClose}>
        <ProblemNotice error={upload.error} onRetry={upload.refetch} />
      </Dialog>
    )
  }
  if (!upload.data) return null
  const { portalId, storageAccountId, intendedStorageAccountId } = upload.data
  return (
    <FileDetails
      upload={upload.data}
      portalName={portalName(portalId)}
      accountName={accountName(storageAccountId ?? intendedStorageAccountId)}
      onClose={onClose}
    />
  )
}
