import { useSearchParams } from 'react-router'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { CopyLink } from '../shell/copy-link.tsx'
import { Notice } from '../shell/notice.tsx'
import { portalLink } from './portal-link.ts'

/** After a portal was made: the link that its owner gives to clients. */
export function CreatedNotice({ portals }: { portals: PortalReply[] | undefined }) {
  const [query, setQuery] = useSearchParams()
  const portal = portals?.find(({ id }) => id === query.get('created'))
  if (!portal) return null
  const url = portalLink(portal.slug)
  return (
    <Notice
      tone="info"
      title={`“${portal.name}” is open`}
      actions={<CopyLink url={url} of={portal.name} />}
      onClose={() => setQuery({}, { replace: true })}
    >
      Give this link to your clients: <strong className="wrap-anywhere">{url}</strong>
    </Notice>
  )
}
