import { Button } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { accountName } from '../accounts/account-name.ts'
import { ConnectOutcome } from '../accounts/connect-outcome.tsx'
import { connectPath } from '../api/client.ts'
import { useAccounts, usePortals } from '../api/queries.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { PortalCard } from './portal-card.tsx'

const CreatePortalDialog = lazy(async () => ({
  default: (await import('./create-portal-dialog.tsx')).CreatePortalDialog,
}))

export function PortalsPage() {
  const portals = usePortals()
  const accounts = useAccounts()
  const [query, setQuery] = useSearchParams()
  const [creating, setCreating] = useState(query.has('create'))
  const active = accounts.data?.filter(({ storageStatus }) => storageStatus === 'ACTIVE') ?? []
  const everConnected = accounts.data?.some(({ storageAccountId }) => storageAccountId !== null)

  const nameOfAccount = (id: string) => {
    const account = accounts.data?.find(({ storageAccountId }) => storageAccountId === id)
    return account ? accountName(account) : 'a storage account'
  }
  const close = () => {
    setCreating(false)
    if (query.has('create')) setQuery({}, { replace: true })
  }

  const create = <Button onClick={() => setCreating(true)}>Create a portal</Button>
  const empty = portals.data?.length === 0
  return (
    <Page
      title="Portals"
      lead="A portal is a link. Whoever has it can hand over files to you, without an account."
      actions={active.length > 0 && !empty && create}
    >
      <ConnectOutcome accounts={accounts.data} />
      {portals.isError && <ProblemNotice error={portals.error} onRetry={portals.refetch} />}
      {accounts.isError && <ProblemNotice error={accounts.error} onRetry={accounts.refetch} />}
      {portals.isPending && <CardsLoading />}
      {accounts.data && active.length === 0 && (
        <div className="card empty">
          <h2 className="card-title">
            {everConnected ? 'No storage takes files now' : 'First, connect your Google Drive'}
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
            <Button component="a" href={connectPath('/portals?create')}>
              Connect Google Drive
            </Button>
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
            account={nameOfAccount(portal.storageAccountId)}
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
      {creating && active.length > 0 && (
        <Suspense fallback={null}>
          <CreatePortalDialog accounts={active} onClose={close} />
        </Suspense>
      )}
    </Page>
  )
}
