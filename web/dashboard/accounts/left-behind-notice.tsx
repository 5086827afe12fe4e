import { Button } from '@mantine/core'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { useEveryPortal } from '../api/queries.ts'
import { countOf } from '../shell/count-of.ts'
import { Notice } from '../shell/notice.tsx'
import { accountLabel } from './account-name.ts'
import { MovePortalsDialog } from './move-portals-dialog.tsx'
import { portalsLeftBehind } from './portals-left-behind.ts'

const NAMED_PORTALS = 5

/** After another identity was connected: the portals that still point at the old one, and how to move them. */
export function LeftBehindNotice({ accounts }: { accounts: AccountEntry[] | undefined }) {
  const [query] = useSearchParams()
  const portals = useEveryPortal()
  const [moving, setMoving] = useState<AccountEntry>()
  const connectedId = query.get('connected')
  const connected = accounts?.find(
    ({ storageAccountId }) => storageAccountId !== null && storageAccountId === connectedId,
  )
  if (!accounts || !portals.data || !connected) return null
  const left = portalsLeftBehind(connected, accounts, portals.data)
  return (
    <>
      {left.map(({ from, portals: behind }) => (
        <Notice
          key={from.storageAccountId}
          tone="warning"
          title={`You connected ${accountLabel(connected)}; ${countOf(behind.length, 'portal')} still ${behind.length === 1 ? 'points' : 'point'} at ${accountLabel(from)}`}
          actions={
            <Button size="xs" onClick={() => setMoving(from)}>
              Move them
              <span className="visually-hidden"> to {accountLabel(connected)}</span>
            </Button>
          }
        >
          {namesOf(behind.map(({ name }) => name))}. Until they are moved or {accountLabel(from)} is
          reconnected, they take no files.
        </Notice>
      ))}
      {moving && (
        <MovePortalsDialog
          from={moving}
          targets={[connected]}
          onClose={() => setMoving(undefined)}
        />
      )}
    </>
  )
}

function namesOf(names: string[]): string {
  const rest = names.length - NAMED_PORTALS
  return [
    ...names.slice(0, NAMED_PORTALS).map((name) => `“${name}”`),
    ...(rest > 0 ? [`${rest} more`] : []),
  ].join(', ')
}
