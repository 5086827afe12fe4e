import '@mantine/core/styles/Input.css'
import { NativeSelect } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { getPortal, updatePortal } from '../api/client.ts'
import { useEveryPortal } from '../api/queries.ts'
import { isNotSession } from '../api/query-keys.ts'
import { ConfirmDialog } from '../shell/confirm-dialog.tsx'
import { countOf } from '../shell/count-of.ts'
import { notify } from '../shell/notify.ts'
import { accountLabel } from './account-name.ts'
import { movedSettings } from './moved-settings.ts'
import { portalsOf } from './portals-left-behind.ts'

interface MovePortalsDialogProps {
  from: AccountEntry
  /** Accounts that take files. */
  targets: AccountEntry[]
  onClose: () => void
}

/** Lets every portal of one account deliver into another from now on. */
export function MovePortalsDialog({ from, targets, onClose }: MovePortalsDialogProps) {
  const portals = useEveryPortal()
  const queryClient = useQueryClient()
  const [toId, setToId] = useState(targets[0]?.storageAccountId ?? '')
  const moving = portalsOf(from, portals.data ?? [])
  const to = targets.find(({ storageAccountId }) => storageAccountId === toId)
  const move = useMutation({
    mutationFn: (target: AccountEntry) => moveAll(moving, target),
    onSuccess: (count, target) => {
      notify({
        title: `${countOf(count, 'portal')} moved`,
        message: `New files are delivered to ${accountLabel(target)}.`,
      })
      onClose()
    },
    onSettled: () => queryClient.invalidateQueries({ predicate: isNotSession }),
  })
  return (
    <ConfirmDialog
      title={`Move the portals of ${accountLabel(from)}?`}
      confirm={`Move ${countOf(moving.length, 'portal')}`}
      busy={move.isPending}
      error={move.error}
      onConfirm={() => to && moving.length > 0 && move.mutate(to)}
      onClose={onClose}
    >
      <ul className="plain-list">
        {moving.map(({ id, name }) => (
          <li key={id} className="wrap-anywhere">
            {name}
          </li>
        ))}
      </ul>
      <NativeSelect
        mt="md"
        label="New files go to"
        value={toId}
        onChange={({ currentTarget }) => setToId(currentTarget.value)}
        data={targets.map((target) => ({
          value: target.storageAccountId ?? '',
          label: accountLabel(target),
        }))}
      />
      <p>
        Files that were handed over before stay with {accountLabel(from)}; those that wait for it go
        on when it is reconnected.
      </p>
    </ConfirmDialog>
  )
}

/** One after the other: what is moved stays moved when a later one is refused, and asking again does the rest. */
async function moveAll(portals: PortalReply[], target: AccountEntry): Promise<number> {
  for (const { id } of portals) {
    const portal = await getPortal(id)
    await updatePortal(portal, movedSettings(portal, target))
  }
  return portals.length
}
