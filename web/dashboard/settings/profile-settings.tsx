import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Switch.css'
import { NativeSelect, Skeleton, Switch, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Locale, ProfileReply } from '../../../shared/contract/settings.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { getProfile, putProfile } from '../api/client.ts'
import { fieldErrors } from '../api/explain-problem.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { notify } from '../shell/notify.ts'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { profileChanges } from './profile-changes.ts'

const LANGUAGES: Record<Locale, string> = {
  en: 'English',
  de: 'German',
  es: 'Spanish',
  fr: 'French',
  it: 'Italian',
  nl: 'Dutch',
  pl: 'Polish',
  pt: 'Portuguese',
}
const FIELDS = ['name', 'locale', 'singleEmailPerProvider'] as const

export function ProfileSettings() {
  const profile = useQuery({
    queryKey: QUERY_KEYS.profile,
    queryFn: ({ signal }) => getProfile(signal),
    // Nothing may change under the hands.
    refetchOnWindowFocus: false,
  })
  return (
    <section className="card" aria-labelledby="profile-settings">
      <h2 className="card-title" id="profile-settings">
        Profile
      </h2>
      {profile.isError && <ProblemNotice error={profile.error} onRetry={profile.refetch} />}
      {profile.isPending && <Skeleton height={220} mt="md" />}
      {profile.data && <ProfileForm profile={profile.data} />}
    </section>
  )
}

function ProfileForm({ profile }: { profile: ProfileReply }) {
  const queryClient = useQueryClient()
  const form = useForm({
    initialValues: {
      name: profile.name ?? '',
      locale: profile.locale,
      singleEmailPerProvider: profile.singleEmailPerProvider,
    },
  })
  const save = useMutation({
    mutationFn: putProfile,
    onSuccess: async (saved) => {
      queryClient.setQueryData(QUERY_KEYS.profile, saved)
      form.resetDirty()
      notify({ title: 'Your profile is saved', message: saved.name ?? '' })
      // The header shows the name.
      await queryClient.invalidateQueries({ queryKey: QUERY_KEYS.session })
    },
    onError: (error) => {
      if (error instanceof ApiProblem) form.setErrors(fieldErrors(error, FIELDS).byField)
    },
  })
  const atFields =
    save.error instanceof ApiProblem && fieldErrors(save.error, FIELDS).rest.length === 0
      ? save.error.fields.length > 0
      : false
  return (
    <form
      className="form-fields"
      noValidate
      onSubmit={form.onSubmit((values) => save.mutate(profileChanges(profile, values)))}
    >
      {save.isError && !atFields && <ProblemNotice error={save.error} />}
      <TextInput
        {...form.getInputProps('name')}
        label="Name"
        description="In the mails that Portage sends for you."
        maxLength={100}
        autoComplete="name"
      />
      <TextInput
        label="E-mail address"
        description="As the provider gave it when you signed in last; it can only be changed there."
        value={profile.email ?? 'none'}
        readOnly
      />
      <NativeSelect
        {...form.getInputProps('locale')}
        label="Dates and numbers"
        description="As they are written in mails. These pages follow your browser."
        data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
      />
      <Switch
        {...form.getInputProps('singleEmailPerProvider', { type: 'checkbox' })}
        label="Only one address for each provider"
        description="Then a second address of one provider cannot be connected by mistake. Accounts that are connected already stay."
      />
      <div>
        <BusyButton type="submit" busy={save.isPending}>
          Save profile
        </BusyButton>
      </div>
    </form>
  )
}
