import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { deactivateAccount } from '../api/client.ts'
import { useAccounts, useEveryPortal } from '../api/queries.ts'
import { isNotSession } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { notify } from '../shell/notify.ts'
import { accountLabel } from './account-name.ts'
import { portalsStoppedBy } from './portals-stopped-by.ts'

interface PauseDialogProps {
  account: AccountEntry
  onClose: () => void
}

export function PauseDialog({ account, onClose }: PauseDialogProps) {
  const portals = useEveryPortal()
  const queryClient = useQueryClient()
  const accounts = useAccounts()
  const stopping =
    portals.data && accounts.data && portalsStoppedBy(account, portals.data, accounts.data).length
  const pause = useMutation({
    mutationFn: deactivateAccount,
    onSuccess: ({ deactivatedPortals }) => {
      notify({
        title: 'The account is paused',
        message: `${countOf(deactivatedPortals, 'portal')} stopped taking files.`,
      })
      onClose()
    },
    onSettled: () => queryClient.invalidateQueries({ predicate: isNotSession }),
  })
  return (
    <ConfirmDialog
      title={`Pause ${accountLabel(account)}?`}
      confirm="Pause"
      busy={pause.isPending}
      error={pause.error}
      onConfirm={() => pause.mutate(account.storageAccountId ?? '')}
      onClose={onClose}
    >
      <p>
        {stopping === undefined
          ? 'Portals that deliver here take no files until you reactivate it.'
          : stopping === 0
            ? 'No open portal stops: none delivers here alone.'
            : `${countOf(stopping, 'open portal')} will take no files until you reactivate it.`}
      </p>
      <p>
        Delivered files stay where they are and can be downloaded. Files that are on their way wait.
      </p>
    </ConfirmDialog>
  )
}
