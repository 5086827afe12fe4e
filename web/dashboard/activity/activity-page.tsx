import '@mantine/core/styles/Input.css'
import { NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { EventEntry } from '../../../shared/contract/events.ts'
import { accountLabel, accountName } from '../accounts/account-name.ts'
import { listEvents } from '../api/client.ts'
import { useAccounts, useEveryPortal } from '../api/queries.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { useSession } from '../api/session.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { Time } from '../shell/time.tsx'
import { describeActor, describeEvent, hasFile, subjectKind } from './describe-event.ts'
import { UploadOfEvent } from './upload-of-event.tsx'

export function ActivityPage() {
  const [query, setQuery] = useSearchParams()
  const subjectId = query.get('subjectId') ?? ''
  const session = useSession()
  const accounts = useAccounts()
  const portals = useEveryPortal()
  const [fileOf, setFileOf] = useState<string>()
  const events = useInfiniteQuery({
    queryKey: QUERY_KEYS.eventsOf(subjectId),
    queryFn: ({ pageParam, signal }) => listEvents({ subjectId, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    select: ({ pages }) => pages.flatMap(({ entries }) => entries),
  })

  const accountOf = (id: string) =>
    accounts.data?.find(({ storageAccountId }) => storageAccountId === id)
  const labelOfAccount = (id: string) => {
    const account = accountOf(id)
    return account && accountLabel(account)
  }
  const nameOfPortal = (id: string) => portals.data?.find((portal) => portal.id === id)?.name
  const choices = [
    ...(accounts.data ?? []).flatMap((account) =>
      account.storageAccountId === null
        ? []
        : [{ value: account.storageAccountId, label: accountLabel(account) }],
    ),
    ...(portals.data ?? []).map(({ id, name }) => ({ value: id, label: `Portal ${name}` })),
  ]
  const isKnown = subjectId === '' || choices.some(({ value }) => value === subjectId)

  const subject = (event: EventEntry) => {
    switch (subjectKind(event.type)) {
      case 'account':
        return labelOfAccount(event.subjectId) ?? 'An account that is gone'
      case 'portal': {
        const name = nameOfPortal(event.subjectId)
        return name === undefined ? 'A deleted portal' : `Portal “${name}”`
      }
      case 'user':
        return 'You'
      case 'settings':
        return 'Your settings'
      case 'upload':
        return 'A file'
      case 'client':
        return 'A client'
    }
  }

  return (
    <Page
      title="Activity"
      lead="What happened to your accounts, portals and files, who did it and why."
      actions={
        <NativeSelect
          label="About"
          value={subjectId}
          onChange={({ currentTarget: { value } }) =>
            setQuery(value === '' ? {} : { subjectId: value }, { replace: true })
          }
          data={[
            { value: '', label: 'Everything' },
            ...choices,
            ...(isKnown ? [] : [{ value: subjectId, label: 'One that is gone' }]),
          ]}
        />
      }
    >
      {events.isError && <ProblemNotice error={events.error} onRetry={events.refetch} />}
      {events.isPending && <CardsLoading />}
      {events.data?.length === 0 && (
        <div className="card empty">
          <h2 className="card-title">
            {events.hasNextPage ? 'Nothing found yet' : 'Nothing has happened yet'}
          </h2>
          <p>
            {events.hasNextPage
              ? 'Only the newest entries were looked through.'
              : 'Connect storage and create a portal; from then on every change is told here.'}
          </p>
        </div>
      )}
      {events.data && events.data.length > 0 && (
        <ol className="card events" aria-label="What happened, newest first">
          {events.data.map((event) => {
            const { color, what, why } = describeEvent(event, { account: labelOfAccount })
            return (
              <li key={event.id} className="event">
                <span className="status" data-color={color}>
                  <span className="status-dot" aria-hidden="true" />
                </span>
                <div className="event-words">
                  <p>
                    <strong>{subject(event)}</strong> {what}.{' '}
                    {hasFile(event.type) && (
                      <button
                        type="button"
                        className="link-button"
                        onClick={() => setFileOf(event.subjectId)}
                      >
                        Show the file
                      </button>
                    )}
                  </p>
                  {why !== undefined && <p className="quiet">{why}</p>}
                  <p className="quiet">
                    {describeActor(event.actor, session.data?.id)} · <Time value={event.at} />
                  </p>
                </div>
              </li>
            )
          })}
        </ol>
      )}
      {events.hasNextPage && (
        <div className="load-more">
          <BusyButton
            variant="default"
            busy={events.isFetchingNextPage}
            onClick={() => events.fetchNextPage()}
          >
            Load more
          </BusyButton>
        </div>
      )}
      {fileOf !== undefined && (
        <UploadOfEvent
          uploadId={fileOf}
          portalName={(id) => nameOfPortal(id) ?? 'Deleted portal'}
          accountName={(id) => {
            const account = accountOf(id)
            return account && accountName(account)
          }}
          onClose={() => setFileOf(undefined)}
        />
      )}
    </Page>
  )
}
