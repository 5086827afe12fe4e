import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { disconnectAccount, listUploads } from '../api/client.ts'
import { useAccounts, useEveryPortal } from '../api/queries.ts'
import { isNotSession, QUERY_KEYS } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { notify } from '../shell/notify.ts'
import { accountLabel } from './account-name.ts'
import { whatDisconnectingStops } from './disconnect-consequences.ts'
import { portalsStoppedBy } from './portals-stopped-by.ts'

interface DisconnectDialogProps {
  account: AccountEntry
  onClose: () => void
}

/** One page is counted: an owner need not know whether it is 700 or 800. */
const COUNTED_FILES = 100

export function DisconnectDialog({ account, onClose }: DisconnectDialogProps) {
  const storageAccountId = account.storageAccountId ?? ''
  const queryClient = useQueryClient()
  const portals = useEveryPortal()
  const accounts = useAccounts()
  const files = useQuery({
    queryKey: QUERY_KEYS.filesOfAccount(storageAccountId),
    queryFn: ({ signal }) =>
      listUploads({ storageAccountId, limit: String(COUNTED_FILES) }, signal),
  })
  const disconnect = useMutation({
    mutationFn: disconnectAccount,
    onSuccess: ({ deactivatedPortals }) => {
      notify({
        title: 'The account is disconnected',
        message: `${countOf(deactivatedPortals, 'portal')} stopped taking files.`,
      })
      onClose()
    },
    onSettled: () => queryClient.invalidateQueries({ predicate: isNotSession }),
  })
  const { portals: stopping, files: unreachable } = whatDisconnectingStops(
    portals.data && accounts.data && portalsStoppedBy(account, portals.data, accounts.data),
    files.data && {
      delivered: files.data.entries.filter(({ status }) => status === 'uploaded').length,
      more: files.data.nextCursor !== null,
    },
  )
  const provider = PROVIDER_NAMES[account.storageProvider]
  return (
    <ConfirmDialog
      title={`Disconnect ${accountLabel(account)}?`}
      confirm="Disconnect"
      danger
      busy={disconnect.isPending}
      error={disconnect.error}
      onConfirm={() => disconnect.mutate(storageAccountId)}
      onClose={onClose}
    >
      <p>{stopping}</p>
      <p>
        {unreachable} They stay in your {provider}; only Portage can no longer download or delete
        them. Files that are on their way wait until you reconnect.
      </p>
      <p>
        Portage’s access to {provider} is given back. To stop for a while only, pause the account
        instead.
      </p>
    </ConfirmDialog>
  )
}
