import '@mantine/core/styles/Progress.css'
import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { connectPath, deactivateAccount, reactivateAccount } from '../api/client.ts'
import { explainProblem } from '../api/explain-problem.ts'
import { useAccounts, usePortals } from '../api/queries.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { Notice } from '../shell/notice.tsx'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { AccountCard } from './account-card.tsx'
import { accountName } from './account-name.ts'
import { ConnectOutcome } from './connect-outcome.tsx'

export function AccountsPage() {
  const accounts = useAccounts()
  const [pausing, setPausing] = useState<AccountEntry>()
  const queryClient = useQueryClient()
  // An account's status decides whether its portals take files and its files can be had.
  const refresh = () => queryClient.invalidateQueries({ predicate: isNotSession })

  const reactivate = useMutation({
    mutationFn: reactivateAccount,
    onSuccess: ({ reactivatedPortals }) => {
      notifications.show({
        title: 'The account takes files again',
        message:
          reactivatedPortals > 0
            ? `${countOf(reactivatedPortals, 'portal')} reopened.`
            : 'New files are delivered there.',
      })
    },
    onSettled: refresh,
  })

  return (
    <Page
      title="Accounts"
      lead="Where your clients’ files are delivered. Portage sees only the files that it puts there itself."
      actions={
        accounts.data?.some(({ storageAccountId }) => storageAccountId !== null) && (
          <Button component="a" href={connectPath('/accounts')} variant="default">
            Connect another Google Drive
          </Button>
        )
      }
    >
      <ConnectOutcome accounts={accounts.data} />
      {reactivate.isError && (
        <ReactivateFailed error={reactivate.error} onClose={() => reactivate.reset()} />
      )}
      {accounts.isError && <ProblemNotice error={accounts.error} onRetry={accounts.refetch} />}
      {accounts.isPending && <CardsLoading />}
      {accounts.data?.length === 0 && (
        <div className="card empty">
          <h2 className="card-title">No account yet</h2>
          <p>Connect your Google Drive; files that clients hand over are then delivered there.</p>
          <Button component="a" href={connectPath('/accounts')}>
            Connect Google Drive
          </Button>
        </div>
      )}
      <div className="cards">
        {accounts.data?.map((account) => (
          <AccountCard
            key={`${account.provider} ${account.providerAccountId}`}
            account={account}
            busy={reactivate.isPending && reactivate.variables === account.storageAccountId}
            onPause={() => setPausing(account)}
            onReactivate={() => reactivate.mutate(account.storageAccountId ?? '')}
          />
        ))}
      </div>
      {pausing && (
        <PauseDialog account={pausing} onClose={() => setPausing(undefined)} onPaused={refresh} />
      )}
    </Page>
  )
}

interface PauseDialogProps {
  account: AccountEntry
  onClose: () => void
  onPaused: () => unknown
}

function PauseDialog({ account, onClose, onPaused }: PauseDialogProps) {
  const portals = usePortals()
  const bound = portals.data?.filter(
    ({ storageAccountId, acceptsUploads }) =>
      acceptsUploads && storageAccountId === account.storageAccountId,
  ).length
  const pause = useMutation({
    mutationFn: deactivateAccount,
    onSuccess: ({ deactivatedPortals }) => {
      notifications.show({
        title: 'The account is paused',
        message: `${countOf(deactivatedPortals, 'portal')} stopped taking files.`,
      })
      onClose()
    },
    onSettled: onPaused,
  })
  return (
    <ConfirmDialog
      title={`Pause ${accountName(account)}?`}
      confirm="Pause"
      busy={pause.isPending}
      error={pause.error}
      onConfirm={() => pause.mutate(account.storageAccountId ?? '')}
      onClose={onClose}
    >
      <p>
        {bound === undefined || bound === 0
          ? 'Portals of this account take no files until you reactivate it.'
          : `${countOf(bound, 'open portal')} will take no files until you reactivate it.`}
      </p>
      <p>
        Delivered files stay where they are and can be downloaded. Files that are on their way wait.
      </p>
    </ConfirmDialog>
  )
}

function ReactivateFailed({ error, onClose }: { error: unknown; onClose: () => void }) {
  const { title, detail } = explainProblem(error)
  const mustReconnect = error instanceof ApiProblem && error.code === 'RECONNECT_REQUIRED'
  return (
    <Notice
      tone={mustReconnect ? 'warning' : 'danger'}
      title={title}
      onClose={onClose}
      actions={
        mustReconnect && (
          <Button component="a" size="xs" href={connectPath('/accounts')}>
            Reconnect Google Drive
          </Button>
        )
      }
    >
      {detail}
    </Notice>
  )
}

function isNotSession({ queryKey }: { queryKey: readonly unknown[] }): boolean {
  return queryKey[0] !== QUERY_KEYS.session[0]
}
