import { Anchor, Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { accountLabel, accountName } from '../accounts/account-name.ts'
import { ConnectOutcome } from '../accounts/connect-outcome.tsx'
import { useAccounts, usePortals } from '../api/queries.ts'
import { describeUpload, isOnItsWay } from '../files/upload-status.ts'
import { useRecentUploads } from '../files/use-uploads.ts'
import { portalLink } from '../portals/portal-link.ts'
import { ConnectButtons } from '../providers/connect-buttons.tsx'
import { anyOf, useOfferedProviders } from '../providers/offered-providers.ts'
import { AtProvider } from '../shell/at-provider.tsx'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { CopyLink } from '../shell/copy-link.tsx'
import { countOf } from '../shell/count-of.ts'
import { CheckIcon } from '../shell/icons.tsx'
import { Notice } from '../shell/notice.tsx'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'

const SHOWN_FILES = 6

export function OverviewPage() {
  const accounts = useAccounts()
  const portals = usePortals()
  const uploads = useRecentUploads()
  const failed = [accounts, portals, uploads].find(({ isError }) => isError)

  const storage = accounts.data?.filter(({ storageAccountId }) => storageAccountId !== null) ?? []
  const stopped = storage.filter(
    (account) =>
      account.storageStatus !== 'ACTIVE' &&
      isNeeded(account, portals.data ?? [], uploads.data ?? []),
  )
  const connected = storage.length > 0
  const open = portals.data?.filter(({ acceptsUploads }) => acceptsUploads).length
  const firstPortal = portals.data?.[0]
  const ready = accounts.data && portals.data && uploads.data
  const waiting = uploads.data?.filter(({ status }) => status === 'held').length ?? 0
  const settled = connected && firstPortal !== undefined && (uploads.data?.length ?? 0) > 0

  return (
    <Page
      title="Overview"
      lead={ready && !settled ? 'Three steps, then files come to you by themselves.' : undefined}
    >
      <ConnectOutcome accounts={accounts.data} />
      {failed && <ProblemNotice error={failed.error} onRetry={failed.refetch} />}
      {!failed && !ready && <CardsLoading />}
      {stopped.length > 0 && <StoppedNotice accounts={stopped} />}
      {ready && !settled && (
        <ol className="steps">
          <Step
            number={1}
            title="Connect your storage"
            done={connected}
            current={!connected}
            action={<ConnectButtons returnTo="/" />}
          >
            <WhereFilesGo />
          </Step>
          <Step
            number={2}
            title="Create a portal"
            done={firstPortal !== undefined}
            current={connected && firstPortal === undefined}
            action={
              <Button component={Link} to="/portals/new">
                Create a portal
              </Button>
            }
          >
            A page with a link of its own, for one client or for all of them.
          </Step>
          <Step
            number={3}
            title="Share its link"
            done={false}
            current={firstPortal !== undefined}
            action={
              firstPortal && (
                <>
                  <span className="portal-link">{portalLink(firstPortal.slug)}</span>
                  <CopyLink url={portalLink(firstPortal.slug)} of={firstPortal.name} />
                </>
              )
            }
          >
            Clients need no account. What they hand over appears here and in your storage.
          </Step>
        </ol>
      )}
      {ready && settled && (
        <>
          <ul className="figures">
            <li>
              <Link to="/portals">
                <strong>{open}</strong>
                open {open === 1 ? 'portal' : 'portals'}
              </Link>
            </li>
            <li>
              <Link to="/files">
                <strong>{portals.data.reduce((sum, { _count }) => sum + _count.uploads, 0)}</strong>
                delivered files
              </Link>
            </li>
            <li>
              <Link to="/files">
                <strong>{uploads.data.filter(isOnItsWay).length}</strong>
                on the way now
              </Link>
            </li>
          </ul>
          <section className="card recent" aria-labelledby="recent-files">
            <div className="card-head">
              <h2 className="card-title" id="recent-files">
                Recent files
              </h2>
              <Anchor component={Link} to="/files" underline="always">
                All files
              </Anchor>
            </div>
            <ul className="recent-files">
              {uploads.data.slice(0, SHOWN_FILES).map((upload) => {
                const state = describeUpload(upload)
                return (
                  <li key={upload.id}>
                    <span className="recent-name">
                      <strong>{upload.fileName}</strong>
                      <span className="quiet">
                        {portals.data.find(({ id }) => id === upload.portalId)?.name ?? 'Portal'}
                        {upload.clientName !== null && ` · ${upload.clientName}`}
                        {' · '}
                        <AtProvider id={upload.storageProvider}>
                          {PROVIDER_NAMES[upload.storageProvider]}
                        </AtProvider>
                      </span>
                    </span>
                    <StatusLabel color={state.color} busy={isOnItsWay(upload)}>
                      {state.label}
                    </StatusLabel>
                    <span className="quiet recent-time">
                      <Time value={upload.deliveredAt ?? upload.receivedAt ?? upload.createdAt} />
                    </span>
                  </li>
                )
              })}
            </ul>
            {waiting > 0 && (
              <p className="small-print">
                {countOf(waiting, 'file')} waiting.{' '}
                <Anchor component={Link} to="/files" underline="always">
                  See why
                </Anchor>
              </p>
            )}
          </section>
        </>
      )}
    </Page>
  )
}

/** A former account that nothing points at any more is no trouble. */
function isNeeded(
  { storageAccountId }: AccountEntry,
  portals: PortalReply[],
  uploads: UploadReply[],
): boolean {
  return (
    portals.some((portal) => portal.storageAccountId === storageAccountId) ||
    uploads.some(
      (upload) => upload.status === 'held' && upload.intendedStorageAccountId === storageAccountId,
    )
  )
}

/** Asks for the providers only where it is shown: whoever has connected one need not wait for them. */
function WhereFilesGo() {
  const names = anyOf(useOfferedProviders())
  return `Files are delivered into your ${names}. Portage sees only what it puts there itself.`
}

function StoppedNotice({ accounts }: { accounts: AccountEntry[] }) {
  const [first] = accounts
  const one = accounts.length === 1 && first
  return (
    <Notice
      tone="warning"
      title={
        one
          ? `${PROVIDER_NAMES[one.storageProvider]} of ${accountName(one)} takes no files`
          : `${accounts.length} of your accounts take no files`
      }
      actions={
        <Button component={Link} to="/accounts" size="xs" variant="default">
          Go to accounts
        </Button>
      }
    >
      {!one && `${accounts.map(accountLabel).join(', ')}. `}
      {accounts.every(({ storageStatus }) => storageStatus === 'INACTIVE')
        ? 'Paused by you. Portals that deliver there alone are stopped until you reactivate it.'
        : 'Portals that deliver there alone are stopped; received files wait until they can be delivered.'}
    </Notice>
  )
}

interface StepProps {
  number: number
  title: string
  done: boolean
  current: boolean
  action: ReactNode
  children: ReactNode
}

function Step({ number, title, done, current, action, children }: StepProps) {
  return (
    <li className="card step" data-done={done} aria-current={current ? 'step' : undefined}>
      <span className="step-mark" aria-hidden="true">
        {done ? <CheckIcon /> : number}
      </span>
      <div>
        <h2 className="card-title">
          {title}
          {done && <span className="visually-hidden"> (done)</span>}
        </h2>
        <p className="card-advice">{children}</p>
        {current && <div className="card-actions">{action}</div>}
      </div>
    </li>
  )
}
