import { Anchor, Button } from '@mantine/core'
import { Link } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { accountLabel } from '../accounts/account-name.ts'
import { AtProvider } from '../shell/at-provider.tsx'
import { BusyButton } from '../shell/busy-button.tsx'
import { CopyLink } from '../shell/copy-link.tsx'
import { countOf } from '../shell/count-of.ts'
import { OpenIcon } from '../shell/icons.tsx'
import { LOCALE } from '../shell/locale.ts'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { portalFacts } from './portal-facts.ts'
import { portalLink } from './portal-link.ts'
import { describePortal } from './portal-status.ts'

interface PortalCardProps {
  portal: PortalReply
  /** The owner's; undefined while they are not known. */
  accounts: AccountEntry[] | undefined
  busy: boolean
  onSwitch: () => void
  onDelete: () => void
}

export function PortalCard({ portal, accounts, busy, onSwitch, onDelete }: PortalCardProps) {
  const accountOf = (id: string) =>
    accounts?.find(({ storageAccountId }) => storageAccountId === id)
  const account = accountOf(portal.storageAccountId)
  const status = describePortal(portal, account?.storageStatus)
  const url = portalLink(portal.slug)
  const ofPortal = <span className="visually-hidden"> {portal.name}</span>
  return (
    <article className="card portal-card">
      <div className="card-head">
        <h2 className="card-title">{portal.name}</h2>
        <StatusLabel color={status.color}>{status.label}</StatusLabel>
      </div>
      {status.advice !== undefined && (
        <p className="card-advice">
          {status.advice}{' '}
          {status.atAccounts === true && (
            <Anchor component={Link} to="/accounts" underline="always">
              Go to accounts
            </Anchor>
          )}
        </p>
      )}
      <p className="portal-link">{url}</p>
      <div className="card-actions">
        <CopyLink url={url} of={portal.name} />
        <Button
          size="xs"
          variant="default"
          component="a"
          href={url}
          target="_blank"
          rel="noreferrer"
          leftSection={<OpenIcon />}
        >
          View<span className="visually-hidden"> {portal.name} in a new tab</span>
        </Button>
      </div>
      <ul className="facts">
        <li>
          <Anchor component={Link} to={`/files?portalId=${portal.id}`} underline="always">
            {countOf(portal._count.uploads, 'file')} delivered
            <span className="visually-hidden"> through {portal.name}</span>
          </Anchor>
        </li>
        <li>
          To: <Place account={account} />
        </li>
        {portal.backupStorageAccountIds.map((id, place) => (
          <li key={id}>
            {place === 0 ? 'Backup' : `Backup ${place + 1}`}: <Place account={accountOf(id)} />
          </li>
        ))}
        {portal.deadline !== null && (
          <li>
            Deadline: <Time value={portal.deadline} />
          </li>
        )}
        {portalFacts(portal, LOCALE).map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
        <li>
          Created: <Time value={portal.createdAt} />
        </li>
      </ul>
      <div className="card-actions">
        <Button size="xs" variant="default" component={Link} to={`/portals/${portal.id}`}>
          Settings{ofPortal}
        </Button>
        <BusyButton size="xs" variant="default" busy={busy} onClick={onSwitch}>
          {isClosedByOwner(portal) ? 'Reopen' : 'Close'}
          {ofPortal}
        </BusyButton>
        <Button
          size="xs"
          variant="default"
          component={Link}
          to={`/portals/new?cloneOf=${portal.id}`}
        >
          Duplicate{ofPortal}
        </Button>
        <Button size="xs" variant="default" onClick={onDelete}>
          Delete{ofPortal}
        </Button>
      </div>
    </article>
  )
}

function Place({ account }: { account: AccountEntry | undefined }) {
  if (!account) return 'a storage account'
  return <AtProvider id={account.storageProvider}>{accountLabel(account)}</AtProvider>
}

/** An automatic stop is not the owner's: that one can still be closed by hand. */
export function isClosedByOwner({
  isActive,
  deactivatedBy,
}: Pick<PortalReply, 'isActive' | 'deactivatedBy'>): boolean {
  return !isActive && deactivatedBy !== 'SYSTEM'
}
