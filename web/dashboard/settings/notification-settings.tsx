import { Skeleton, Switch } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { NotificationsReply } from '../../../shared/contract/settings.ts'
import { getNotifications, putNotifications } from '../api/client.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { ProblemNotice } from '../shell/problem-notice.tsx'

const PREFERENCES: { name: keyof NotificationsReply; label: string; description: string }[] = [
  {
    name: 'newFiles',
    label: 'New files',
    description: 'One mail for each hand-over of a client.',
  },
  {
    name: 'accountProblems',
    label: 'Problems with an account',
    description: 'When a provider no longer lets Portage in, with a link to reconnect.',
  },
]

/** Each switch is saved as it is set. */
export function NotificationSettings() {
  const queryClient = useQueryClient()
  const wanted = useQuery({
    queryKey: QUERY_KEYS.notifications,
    queryFn: ({ signal }) => getNotifications(signal),
  })
  const save = useMutation({
    mutationFn: putNotifications,
    onSuccess: (saved) => queryClient.setQueryData(QUERY_KEYS.notifications, saved),
  })
  // What was asked for is shown at once; a refusal takes it back.
  const shown = wanted.data && { ...wanted.data, ...(save.isPending ? save.variables : {}) }
  return (
    <section className="card" aria-labelledby="notification-settings">
      <h2 className="card-title" id="notification-settings">
        Notifications
      </h2>
      <p className="card-advice">Which mails you want.</p>
      {wanted.isError && <ProblemNotice error={wanted.error} onRetry={wanted.refetch} />}
      {save.isError && <ProblemNotice error={save.error} />}
      {wanted.isPending && <Skeleton height={90} mt="md" />}
      {shown && (
        <div className="form-fields">
          {PREFERENCES.map(({ name, label, description }) => (
            <Switch
              key={name}
              label={label}
              description={description}
              checked={shown[name]}
              onChange={({ currentTarget }) => save.mutate({ [name]: currentTarget.checked })}
            />
          ))}
          <p className="small-print" role="status">
            {save.isPending ? 'Saving…' : save.isSuccess ? 'Saved.' : 'Changes are saved at once.'}
          </p>
        </div>
      )}
    </section>
  )
}
