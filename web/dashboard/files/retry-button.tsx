import { useMutation, useQueryClient } from '@tanstack/react-query'
import { retryUpload } from '../api/client.ts'
import { explainProblem } from '../api/explain-problem.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { notify } from '../shell/notify.ts'

/** For a file that waits: its delivery is due at once instead of later. */
export function RetryButton({ upload }: { upload: { id: string; fileName: string } }) {
  const queryClient = useQueryClient()
  const retry = useMutation({
    mutationFn: retryUpload,
    onSuccess: () =>
      notify({
        title: 'It is tried again within a minute',
        message: upload.fileName,
      }),
    onError: (error) => {
      const { title, detail } = explainProblem(error)
      notify({ title, message: `${upload.fileName}: ${detail}`, color: 'danger' })
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: QUERY_KEYS.uploads }),
  })
  return (
    <BusyButton
      size="xs"
      variant="default"
      busy={retry.isPending}
      onClick={() => retry.mutate(upload.id)}
    >
      Retry now<span className="visually-hidden"> {upload.fileName}</span>
    </BusyButton>
  )
}
