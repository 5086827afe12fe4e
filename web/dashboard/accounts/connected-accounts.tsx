import '@mantine/core/styles/Progress.css'
import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { connectPath, reactivateAccount } from '../api/client.ts'
import { explainProblem } from '../api/explain-problem.ts'
import { useAccounts, useEveryPortal } from '../api/queries.ts'
import { isNotSession } from '../api/query-keys.ts'
import { ConnectButtons } from '../providers/connect-buttons.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { countOf } from '../shell/count-of.ts'
import { Notice } from '../shell/notice.tsx'
import { notify } from '../shell/notify.ts'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { AccountCard } from './account-card.tsx'
import { DisconnectDialog } from './disconnect-dialog.tsx'
import { MovePortalsDialog } from './move-portals-dialog.tsx'
import { PauseDialog } from './pause-dialog.tsx'
import { portalsOf } from './portals-left-behind.ts'
import { RepairButtons } from './repair-buttons.tsx'

interface ConnectedAccountsProps {
  /** Where the owner comes back to after the provider's pages. */
  returnTo: string
  /** Of the accounts' headings. */
  headingLevel?: 2 | 3
}

interface Asked {
  what: 'pause' | 'disconnect' | 'move'
  account: AccountEntry
}

/** Every account with its state, and all that an owner can do about it. */
export function ConnectedAccounts({ returnTo, headingLevel = 2 }: ConnectedAccountsProps) {
  const accounts = useAccounts()
  const portals = useEveryPortal()
  const [asked, setAsked] = useState<Asked>()
  const queryClient = useQueryClient()
  const close = () => setAsked(undefined)

  const reactivate = useMutation({
    mutationFn: ({ storageAccountId }: AccountEntry) => reactivateAccount(storageAccountId ?? ''),
    onSuccess: ({ reactivatedPortals }) => {
      notify({
        title: 'The account takes files again',
        message:
          reactivatedPortals > 0
            ? `${countOf(reactivatedPortals, 'portal')} reopened.`
            : 'New files are delivered there.',
      })
    },
    // An account's status decides whether its portals take files and its files can be had.
    onSettled: () => queryClient.invalidateQueries({ predicate: isNotSession }),
  })

  return (
    <>
      {reactivate.isError && (
        <ReactivateFailed
          error={reactivate.error}
          account={reactivate.variables}
          returnTo={returnTo}
          onClose={() => reactivate.reset()}
        />
      )}
      {accounts.isError && <ProblemNotice error={accounts.error} onRetry={accounts.refetch} />}
      {accounts.isPending && <CardsLoading />}
      {accounts.data?.length === 0 && (
        <div className="card empty">
          <p className="card-title">No account yet</p>
          <p>Connect your storage; files that clients hand over are then delivered there.</p>
          <ConnectButtons returnTo={returnTo} />
        </div>
      )}
      <div className="cards">
        {accounts.data?.map((account) => (
          <AccountCard
            key={`${account.provider} ${account.providerAccountId}`}
            account={account}
            returnTo={returnTo}
            headingLevel={headingLevel}
            portalCount={
              account.storageAccountId === null || !portals.data
                ? undefined
                : portalsOf(account, portals.data).length
            }
            canMove={accounts.data.some((other) => takesFiles(other) && other !== account)}
            busy={reactivate.isPending && reactivate.variables === account}
            onReactivate={() => reactivate.mutate(account)}
            onAsk={(what) => setAsked({ what, account })}
          />
        ))}
      </div>
      {accounts.data && accounts.data.length > 0 && <RepairButtons />}
      {asked?.what === 'pause' && <PauseDialog account={asked.account} onClose={close} />}
      {asked?.what === 'disconnect' && <DisconnectDialog account={asked.account} onClose={close} />}
      {asked?.what === 'move' && (
        <MovePortalsDialog
          from={asked.account}
          targets={accounts.data?.filter(takesFiles) ?? []}
          onClose={close}
        />
      )}
    </>
  )
}

function takesFiles({ storageStatus }: AccountEntry): boolean {
  return storageStatus === 'ACTIVE'
}

interface ReactivateFailedProps {
  error: unknown
  account: AccountEntry
  returnTo: string
  onClose: () => void
}

function ReactivateFailed({ error, account, returnTo, onClose }: ReactivateFailedProps) {
  const { title, detail } = explainProblem(error)
  const mustReconnect = error instanceof ApiProblem && error.code === 'RECONNECT_REQUIRED'
  return (
    <Notice
      tone={mustReconnect ? 'warning' : 'danger'}
      title={title}
      onClose={onClose}
      actions={
        mustReconnect && (
          <Button component="a" size="xs" href={connectPath(returnTo, account.provider)}>
            Reconnect {PROVIDER_NAMES[account.storageProvider]}
          </Button>
        )
      }
    >
      {detail}
    </Notice>
  )
}
