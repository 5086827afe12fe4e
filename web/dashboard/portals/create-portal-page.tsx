import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearchParams } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { createPortal, getPortal } from '../api/client.ts'
import { useAccounts } from '../api/queries.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { newPortalValues } from './new-portal-values.ts'
import { type PortalFormValues, requestOf } from './portal-form.ts'
import { PortalSettingsForm } from './portal-settings-form.tsx'

export function CreatePortalPage() {
  const [query] = useSearchParams()
  const cloneOf = query.get('cloneOf')
  const accounts = useAccounts()
  const original = useQuery({
    queryKey: QUERY_KEYS.portal(cloneOf ?? ''),
    queryFn: ({ signal }) => getPortal(cloneOf ?? '', signal),
    enabled: cloneOf !== null,
    gcTime: 0,
  })
  const failed = [accounts, original].find(({ isError }) => isError)
  const ready = accounts.data && (cloneOf === null || original.data)
  const active = accounts.data?.filter(({ storageStatus }) => storageStatus === 'ACTIVE') ?? []
  return (
    <Page
      title={cloneOf === null ? 'Create a portal' : 'Duplicate a portal'}
      lead={
        original.data
          ? `It begins with the settings of “${original.data.name}”; files are not copied.`
          : 'A name is enough; everything else can stay as it is or be changed later.'
      }
    >
      {failed && <ProblemNotice error={failed.error} onRetry={failed.refetch} />}
      {!failed && !ready && <CardsLoading />}
      {ready && active.length === 0 && (
        <div className="card empty">
          <h2 className="card-title">No storage takes files now</h2>
          <p>A portal needs an account that takes files. Connect, reactivate or reconnect one.</p>
          <Button component={Link} to="/accounts">
            Go to accounts
          </Button>
        </div>
      )}
      {ready && active.length > 0 && (
        <NewPortal accounts={accounts.data} active={active} original={original.data} />
      )}
    </Page>
  )
}

interface NewPortalProps {
  accounts: AccountEntry[]
  active: AccountEntry[]
  original: PortalReply | undefined
}

function NewPortal({ accounts, active, original }: NewPortalProps) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const create = async (values: PortalFormValues) => {
    const account = accounts.find(
      ({ storageAccountId }) => storageAccountId === values.storageAccountId,
    )
    const storageProvider = account?.storageProvider ?? 'google_drive'
    const { name, slug, storageAccountId } = values
    const portal = await createPortal({
      ...withoutActivity(values, storageProvider),
      name: name.trim(),
      slug,
      storageAccountId,
      storageProvider,
      ...(original ? { cloneOf: original.id } : {}),
    })
    await queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals })
    await navigate(`/portals?created=${portal.id}`)
  }
  return (
    <PortalSettingsForm
      initialValues={newPortalValues(active, original)}
      accounts={accounts}
      submitLabel="Create portal"
      onSubmit={create}
    />
  )
}

/** What a new portal is asked for; it is open, so nothing is said about that. */
function withoutActivity(
  values: PortalFormValues,
  storageProvider: AccountEntry['storageProvider'],
) {
  const { isActive: _, ...settings } = requestOf(values, storageProvider)
  return settings
}
