import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Navigate, useSearchParams } from 'react-router'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { ConnectOutcome } from '../accounts/connect-outcome.tsx'
import { getPortal, updatePortal } from '../api/client.ts'
import { useAccounts, usePortals } from '../api/queries.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ConnectButtons } from '../providers/connect-buttons.tsx'
import { BusyButton } from '../shell/busy-button.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { notify } from '../shell/notify.ts'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { CreatedNotice } from './created-notice.tsx'
import { DeletePortalDialog } from './delete-portal-dialog.tsx'
import { isClosedByOwner, PortalCard } from './portal-card.tsx'

export function PortalsPage() {
  const portals = usePortals()
  const accounts = useAccounts()
  const queryClient = useQueryClient()
  const [query] = useSearchParams()
  const [deletingId, setDeletingId] = useState<string>()
  const deleting = portals.data?.find(({ id }) => id === deletingId)
  const active = accounts.data?.filter(({ storageStatus }) => storageStatus === 'ACTIVE') ?? []
  const everConnected = accounts.data?.some(({ storageAccountId }) => storageAccountId !== null)

  const change = useMutation({
    // Opening and closing goes over whatever the settings have become meanwhile.
    mutationFn: async (shown: PortalReply) =>
      updatePortal(await getPortal(shown.id), { isActive: isClosedByOwner(shown) }),
    onSuccess: (portal) => {
      notify({
        title: isClosedByOwner(portal) ? 'The portal is closed' : 'The portal is open again',
        message: portal.name,
      })
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals }),
  })

  // Where connecting storage for a first portal leads back to.
  if (query.has('create') && active.length > 0) return <Navigate to="/portals/new" replace />

  const create = (
    <Button component={Link} to="/portals/new">
      Create a portal
    </Button>
  )
  const empty = portals.data?.length === 0
  return (
    <Page
      title="Portals"
      lead="A portal is a link. Whoever has it can hand over files to you, without an account."
      actions={active.length > 0 && !empty && create}
    >
      <ConnectOutcome accounts={accounts.data} />
      <CreatedNotice portals={portals.data} />
      {change.isError && <ProblemNotice error={change.error} onClose={() => change.reset()} />}
      {portals.isError && <ProblemNotice error={portals.error} onRetry={portals.refetch} />}
      {accounts.isError && <ProblemNotice error={accounts.error} onRetry={accounts.refetch} />}
      {portals.isPending && <CardsLoading />}
      {accounts.data && active.length === 0 && (
        <div className="card empty">
          <h2 className="card-title">
            {everConnected ? 'No storage takes files now' : 'First, connect your storage'}
          </h2>
          <p>
            {everConnected
              ? 'A portal needs an account that takes files. Reactivate or reconnect one.'
              : 'A portal delivers into your own storage, so it needs to know where that is.'}
          </p>
          {everConnected ? (
            <Button component={Link} to="/accounts">
              Go to accounts
            </Button>
          ) : (
            <ConnectButtons returnTo="/portals?create" />
          )}
        </div>
      )}
      {empty && active.length > 0 && (
        <div className="card empty">
          <h2 className="card-title">Create your first portal</h2>
          <p>Name it, choose where its files go, and share the link.</p>
          {create}
        </div>
      )}
      <div className="cards">
        {portals.data?.map((portal) => (
          <PortalCard
            key={portal.id}
            portal={portal}
            accounts={accounts.data}
            busy={change.isPending && change.variables.id === portal.id}
            onSwitch={() => change.mutate(portal)}
            onDelete={() => setDeletingId(portal.id)}
          />
        ))}
      </div>
      {portals.hasNextPage && (
        <div className="load-more">
          <BusyButton
            variant="default"
            busy={portals.isFetchingNextPage}
            onClick={() => portals.fetchNextPage()}
          >
            Load more
          </BusyButton>
        </div>
      )}
      {deleting && (
        <DeletePortalDialog portal={deleting} onClose={() => setDeletingId(undefined)} />
      )}
    </Page>
  )
}
