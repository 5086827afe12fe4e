import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Switch.css'
import { Button, Group, NativeSelect, Stack, Switch, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { accountName } from '../accounts/account-name.ts'
import { createPortal } from '../api/client.ts'
import { fieldErrors } from '../api/explain-problem.ts'
import { QUERY_KEYS } from '../api/query-keys.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { CopyLink } from '../shell/copy-link.tsx'
import { Dialog } from '../shell/dialog.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { portalLink } from './portal-link.ts'
import { slugProblem, suggestSlug } from './suggest-slug.ts'

const SHOWN_FIELDS = [
  'name',
  'slug',
  'storageAccountId',
  'requireClientName',
  'requireClientEmail',
] as const

interface CreatePortalDialogProps {
  /** Those that take files now. */
  accounts: AccountEntry[]
  onClose: () => void
}

export function CreatePortalDialog({ accounts, onClose }: CreatePortalDialogProps) {
  const [created, setCreated] = useState<PortalReply>()
  return (
    <Dialog size="lg" title={created ? 'Your portal is open' : 'Create a portal'} onClose={onClose}>
      {created ? (
        <Created portal={created} onClose={onClose} />
      ) : (
        <PortalForm accounts={accounts} onClose={onClose} onCreated={setCreated} />
      )}
    </Dialog>
  )
}

interface PortalFormProps extends CreatePortalDialogProps {
  onCreated: (portal: PortalReply) => void
}

function PortalForm({ accounts, onClose, onCreated }: PortalFormProps) {
  const queryClient = useQueryClient()
  const [slugIsOwn, setSlugIsOwn] = useState(false)
  const form = useForm({
    initialValues: {
      name: '',
      slug: '',
      storageAccountId: accounts[0]?.storageAccountId ?? '',
      requireClientName: false,
      requireClientEmail: false,
    },
    validate: {
      name: (name) => (name.trim() === '' ? 'Give the portal a name.' : null),
      slug: slugProblem,
      storageAccountId: (id) => (id === '' ? 'Choose where the files go.' : null),
    },
  })
  const create = useMutation({
    mutationFn: createPortal,
    onSuccess: async (portal) => {
      onCreated(portal)
      await queryClient.invalidateQueries({ queryKey: QUERY_KEYS.portals })
    },
    onError: (error) => {
      if (!(error instanceof ApiProblem)) return
      const { byField } = fieldErrors(error, SHOWN_FIELDS)
      form.setErrors(byField)
      focusFirstError(byField)
    },
  })
  const submit = form.onSubmit((values) => {
    const account = accounts.find(
      ({ storageAccountId }) => storageAccountId === values.storageAccountId,
    )
    create.mutate({
      ...values,
      name: values.name.trim(),
      storageProvider: account?.storageProvider ?? 'google_drive',
    })
  }, focusFirstError)

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {create.isError && !isShownAtFields(create.error) && <ProblemNotice error={create.error} />}
        <TextInput
          {...form.getInputProps('name')}
          onChange={({ currentTarget }) => {
            form.setFieldValue('name', currentTarget.value)
            if (!slugIsOwn) form.setFieldValue('slug', suggestSlug(currentTarget.value))
          }}
          label="Name"
          description="Clients see it as the heading of the page."
          placeholder="Wedding photos"
          maxLength={100}
          required
          data-autofocus
        />
        <TextInput
          {...form.getInputProps('slug')}
          onChange={({ currentTarget }) => {
            setSlugIsOwn(currentTarget.value !== '')
            form.setFieldValue('slug', currentTarget.value.toLowerCase())
          }}
          label="Link"
          description={<span className="wrap-anywhere">{portalLink(form.values.slug || '…')}</span>}
          maxLength={63}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          required
        />
        <NativeSelect
          {...form.getInputProps('storageAccountId')}
          label="Files go to"
          required
          data={accounts.map((account) => ({
            value: account.storageAccountId ?? '',
            label: `${PROVIDER_NAMES[account.storageProvider]} · ${accountName(account)}`,
          }))}
        />
        <fieldset className="switches">
          <legend>Before they hand over files, clients must give</legend>
          <Switch
            {...form.getInputProps('requireClientName', { type: 'checkbox' })}
            label="their name"
          />
          <Switch
            {...form.getInputProps('requireClientEmail', { type: 'checkbox' })}
            label="their e-mail address"
          />
        </fieldset>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <BusyButton type="submit" busy={create.isPending}>
            Create portal
          </BusyButton>
        </Group>
      </Stack>
    </form>
  )
}

function Created({ portal, onClose }: { portal: PortalReply; onClose: () => void }) {
  const url = portalLink(portal.slug)
  const text = useRef<HTMLParagraphElement>(null)
  // The button that had the focus is gone.
  useEffect(() => text.current?.focus(), [])
  return (
    <Stack gap="md">
      <p className="dialog-text" ref={text} tabIndex={-1}>
        Give this link to your clients. What they hand over arrives in “{portal.name}” in your
        storage.
      </p>
      <p className="portal-link">{url}</p>
      <Group justify="flex-end">
        <CopyLink url={url} of={portal.name} />
        <Button size="xs" onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  )
}

function isShownAtFields(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return false
  const { byField, rest } = fieldErrors(error, SHOWN_FIELDS)
  return Object.keys(byField).length > 0 && rest.length === 0
}

/** Mantine marks the fields; the keyboard belongs at the first of them. */
function focusFirstError(errors: Record<string, unknown>): void {
  const [first] = SHOWN_FIELDS.filter((field) => field in errors)
  document.querySelector<HTMLElement>(`[data-path="${first}"]`)?.focus()
}
