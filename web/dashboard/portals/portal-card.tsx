import { Anchor, Button } from '@mantine/core'
import { Link } from 'react-router'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { CopyLink } from '../shell/copy-link.tsx'
import { countOf } from '../shell/count-of.ts'
import { OpenIcon } from '../shell/icons.tsx'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { portalLink } from './portal-link.ts'
import { describePortal } from './portal-status.ts'

export function PortalCard({ portal, account }: { portal: PortalReply; account: string }) {
  const status = describePortal(portal)
  const url = portalLink(portal.slug)
  const asked = [
    portal.requireClientName ? 'name' : '',
    portal.requireClientEmail ? 'e-mail' : '',
  ].filter(Boolean)
  return (
    <article className="card">
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
          Open<span className="visually-hidden"> {portal.name} in a new tab</span>
        </Button>
      </div>
      <ul className="facts">
        <li>
          <Anchor component={Link} to={`/files?portalId=${portal.id}`} underline="always">
            {countOf(portal._count.uploads, 'file')} delivered
            <span className="visually-hidden"> through {portal.name}</span>
          </Anchor>
        </li>
        <li>To: {account}</li>
        {asked.length > 0 && <li>Asks for: {asked.join(' and ')}</li>}
        <li>
          Created: <Time value={portal.createdAt} />
        </li>
      </ul>
    </article>
  )
}
