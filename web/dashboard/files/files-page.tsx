import '@mantine/core/styles/Input.css'
import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { usePortals } from '../api/queries.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { countOf } from '../shell/count-of.ts'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { DeleteFileDialog } from './delete-file-dialog.tsx'
import { FileDetails } from './file-details.tsx'
import { FileList } from './file-list.tsx'
import { isOnItsWay } from './upload-status.ts'
import { useUploads } from './use-uploads.ts'

export function FilesPage() {
  const [query, setQuery] = useSearchParams()
  const portalId = query.get('portalId') ?? undefined
  const portals = usePortals()
  const uploads = useUploads(portalId)
  const [detailsOf, setDetailsOf] = useState<string>()
  const [deletingId, setDeletingId] = useState<string>()

  // By id, so that an open drawer goes on showing what happens to its file.
  const find = (id: string | undefined) => uploads.data?.find((upload) => upload.id === id)
  const shown = find(detailsOf)
  const deleting = find(deletingId)
  const portalName = (id: string) => portals.data?.find((portal) => portal.id === id)?.name ?? '…'

  return (
    <Page
      title="Files"
      lead="What clients handed over, and where it is now."
      actions={
        <NativeSelect
          label="Portal"
          value={portalId ?? ''}
          onChange={({ currentTarget: { value } }) =>
            setQuery(value === '' ? {} : { portalId: value }, { replace: true })
          }
          data={[
            { value: '', label: 'All portals' },
            ...(portals.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
      }
    >
      {uploads.isError && <ProblemNotice error={uploads.error} onRetry={uploads.refetch} />}
      {uploads.isPending && <CardsLoading />}
      {uploads.data?.length === 0 && !uploads.hasNextPage && (
        <div className="card empty">
          <h2 className="card-title">No files yet</h2>
          <p>Share a portal’s link. What clients hand over appears here.</p>
          <Button component={Link} to="/portals">
            Go to portals
          </Button>
        </div>
      )}
      {uploads.data && (uploads.data.length > 0 || uploads.hasNextPage) && (
        <>
          <p className="summary" role="status">
            {summary(
              uploads.data.length,
              uploads.hasNextPage,
              uploads.data.filter(isOnItsWay).length,
            )}
          </p>
          <FileList
            uploads={uploads.data}
            portalName={portalName}
            onDetails={({ id }) => setDetailsOf(id)}
            onDelete={({ id }) => setDeletingId(id)}
          />
        </>
      )}
      {uploads.hasNextPage && (
        <div className="load-more">
          <BusyButton
            variant="default"
            busy={uploads.isFetchingNextPage}
            onClick={() => uploads.fetchNextPage()}
          >
            Load more
          </BusyButton>
        </div>
      )}
      {shown && (
        <FileDetails
          upload={shown}
          portalName={portalName(shown.portalId)}
          onClose={() => setDetailsOf(undefined)}
        />
      )}
      {deleting && <DeleteFileDialog upload={deleting} onClose={() => setDeletingId(undefined)} />}
    </Page>
  )
}

function summary(count: number, more: boolean, onTheirWay: number): string {
  const files = more ? `The newest ${countOf(count, 'file')}` : countOf(count, 'file')
  return onTheirWay === 0 ? files : `${files}, ${onTheirWay} on the way`
}
