import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { accountName } from '../accounts/account-name.ts'
import { useAccounts, useEveryPortal } from '../api/queries.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { countOf } from '../shell/count-of.ts'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { DeleteFileDialog } from './delete-file-dialog.tsx'
import { EraseClientDialog } from './erase-client-dialog.tsx'
import { FileDetails } from './file-details.tsx'
import { FileFilterForm } from './file-filter-form.tsx'
import { changeFilter, countFilters, filterQuery, isSearch, readFilters } from './file-filters.ts'
import { FileList } from './file-list.tsx'
import { isOnItsWay } from './upload-status.ts'
import { useUploads } from './use-uploads.ts'

export function FilesPage() {
  const [query, setQuery] = useSearchParams()
  const filters = readFilters(query)
  const portals = useEveryPortal()
  const accounts = useAccounts()
  const uploads = useUploads(filterQuery(filters))
  const [detailsOf, setDetailsOf] = useState<string>()
  const [deletingId, setDeletingId] = useState<string>()
  const [erasingOf, setErasingOf] = useState<string>()

  // By id, so that an open drawer goes on showing what happens to its file.
  const find = (id: string | undefined) => uploads.data?.find((upload) => upload.id === id)
  const shown = find(detailsOf)
  const deleting = find(deletingId)
  const erasing = find(erasingOf)
  const filtered = countFilters(filters) > 0
  const portalName = (id: string) => {
    if (!portals.data) return '…'
    return portals.data.find((portal) => portal.id === id)?.name ?? 'Deleted portal'
  }
  const nameOfAccount = (id: string) => {
    const account = accounts.data?.find(({ storageAccountId }) => storageAccountId === id)
    return account && accountName(account)
  }
  const loadMore = (
    <BusyButton
      variant="default"
      busy={uploads.isFetchingNextPage}
      onClick={() => uploads.fetchNextPage()}
    >
      {uploads.data?.length === 0 ? 'Look further back' : 'Load more'}
    </BusyButton>
  )

  return (
    <Page title="Files" lead="What clients handed over, and where it is now.">
      <FileFilterForm
        filters={filters}
        portals={portals.data ?? []}
        accounts={accounts.data ?? []}
        onChange={(name, value) =>
          setQuery((before) => changeFilter(before, name, value), { replace: true })
        }
        onClear={() => setQuery({}, { replace: true })}
      />
      {uploads.isError && <ProblemNotice error={uploads.error} onRetry={uploads.refetch} />}
      {uploads.isPending && <CardsLoading />}
      {uploads.data?.length === 0 &&
        (filtered ? (
          <div className="card empty">
            <h2 className="card-title">
              {uploads.hasNextPage ? 'Nothing found yet' : 'No file fits these filters'}
            </h2>
            <p>
              {uploads.hasNextPage
                ? 'Only the newest files were looked through.'
                : 'Change or clear a filter to see more.'}
            </p>
            {uploads.hasNextPage && loadMore}
          </div>
        ) : (
          !uploads.hasNextPage && (
            <div className="card empty">
              <h2 className="card-title">No files yet</h2>
              <p>Share a portal’s link. What clients hand over appears here.</p>
              <Button component={Link} to="/portals">
                Go to portals
              </Button>
            </div>
          )
        ))}
      {uploads.data && uploads.data.length > 0 && (
        <>
          <p className="summary" role="status">
            {summary(
              uploads.data.length,
              uploads.hasNextPage,
              uploads.data.filter(isOnItsWay).length,
              isSearch(filters),
            )}
          </p>
          <FileList
            uploads={uploads.data}
            portalName={portalName}
            onDetails={({ id }) => setDetailsOf(id)}
            onDelete={({ id }) => setDeletingId(id)}
          />
          {uploads.hasNextPage && <div className="load-more">{loadMore}</div>}
        </>
      )}
      {shown && (
        <FileDetails
          upload={shown}
          portalName={portalName(shown.portalId)}
          accountName={nameOfAccount(shown.storageAccountId ?? shown.intendedStorageAccountId)}
          onErase={() => {
            setDetailsOf(undefined)
            setErasingOf(shown.id)
          }}
          onClose={() => setDetailsOf(undefined)}
        />
      )}
      {erasing && <EraseClientDialog upload={erasing} onClose={() => setErasingOf(undefined)} />}
      {deleting && <DeleteFileDialog upload={deleting} onClose={() => setDeletingId(undefined)} />}
    </Page>
  )
}

function summary(count: number, more: boolean, onTheirWay: number, isSearched: boolean): string {
  const files = more
    ? isSearched
      ? `${countOf(count, 'file')} found so far`
      : `The newest ${countOf(count, 'file')}`
    : countOf(count, 'file')
  return onTheirWay === 0 ? files : `${files}, ${onTheirWay} on the way`
}
