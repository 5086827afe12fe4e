import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { getPortal, updatePortal } from '../api/client.ts'
import { useAccounts } from '../api/queries.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { CardsLoading } from '../shell/cards-loading.tsx'
import { Notice } from '../shell/notice.tsx'
import { notify } from '../shell/notify.ts'
import { Page } from '../shell/page.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { StatusLabel } from '../shell/status-label.tsx'
import { changesOf, formValuesOf, type PortalFormValues } from './portal-form.ts'
import { PortalSettingsForm } from './portal-settings-form.tsx'
import { describePortal } from './portal-status.ts'

export function EditPortalPage() {
  const { portalId = '' } = useParams()
  const accounts = useAccounts()
  const portal = useQuery({
    queryKey: QUERY_KEYS.portal(portalId),
    queryFn: ({ signal }) => getPortal(portalId, signal),
    // The form shows one version until its owner asks for another: nothing may change under the hands.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const failed = [accounts, portal].find(({ isError }) => isError)
  const status = portal.data && describePortal(portal.data)
  return (
    <Page
      title="Portal settings"
      lead={
        portal.data &&
        status && (
          <>
            “{portal.data.name}” · <StatusLabel color={status.color}>{status.label}</StatusLabel>
          </>
        )
      }
    >
      {failed && <ProblemNotice error={failed.error} onRetry={failed.refetch} />}
      {!failed && !(portal.data && accounts.data) && <CardsLoading />}
      {portal.data && accounts.data && (
        <EditPortal
          key={portal.data.version}
          portal={portal.data}
          accounts={accounts.data}
          onLoadAgain={portal.refetch}
        />
      )}
    </Page>
  )
}

interface EditPortalProps {
  portal: PortalReply
  accounts: AccountEntry[]
  onLoadAgain: () => unknown
}

function EditPortal({ portal, accounts, onLoadAgain }: EditPortalProps) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const save = async (values: PortalFormValues) => {
    const account = accounts.find(
      ({ storageAccountId }) => storageAccountId === values.storageAccountId,
    )
    const changes = changesOf(portal, values, account?.storageProvider)
    if (Object.keys(changes).length > 0) await updatePortal(portal, changes)
    notify({
      title: Object.keys(changes).length > 0 ? 'The settings are saved' : 'Nothing was changed',
      message: values.name.trim(),
    })
    await navigate('/portals')
    await queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals })
  }
  return (
    <PortalSettingsForm
      initialValues={formValuesOf(portal)}
      accounts={accounts}
      presentSlug={portal.slug}
      submitLabel="Save settings"
      explain={({ code }) =>
        code === 'VERSION_STALE' && (
          <Notice
            tone="warning"
            title="Somebody changed it meanwhile"
            actions={
              <Button size="xs" onClick={() => void onLoadAgain()}>
                Load it again
              </Button>
            }
          >
            Nothing of yours is saved. Load the portal as it is now; what you changed here has to be
            entered once more.
          </Notice>
        )
      }
      onSubmit={save}
    />
  )
}
