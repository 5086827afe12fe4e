import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Switch.css'
import { Button, Group } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Link } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { ApiProblem } from '../../common/api-problem.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { ClientSection } from './client-section.tsx'
import { DeliverySection } from './delivery-section.tsx'
import { LimitsSection } from './limits-section.tsx'
import { NameSection } from './name-section.tsx'
import { PasswordSection } from './password-section.tsx'
import { PORTAL_FORM_FIELDS, type PortalFormValues } from './portal-form.ts'
import { portalFormErrors } from './portal-form-errors.ts'
import { usePortalForm } from './use-portal-form.ts'

interface PortalSettingsFormProps {
  initialValues: PortalFormValues
  accounts: AccountEntry[]
  /** The slug of a portal that exists: its link is in people's hands. */
  presentSlug?: string
  submitLabel: string
  /** Shown in place of an error's own words, where there is more to do than to correct a field. */
  explain?: (error: ApiProblem) => ReactNode
  onSubmit: (values: PortalFormValues) => Promise<void>
}

/** Every setting of a portal, for a new one and for one that exists. */
export function PortalSettingsForm(props: PortalSettingsFormProps) {
  const { initialValues, accounts, presentSlug, submitLabel, explain, onSubmit } = props
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const form = usePortalForm(initialValues, presentSlug)

  const submit = async (values: PortalFormValues) => {
    if (busy) return
    setBusy(true)
    setFailure(undefined)
    try {
      await onSubmit(values)
    } catch (error) {
      if (error instanceof ApiProblem) {
        const { byField, complete } = portalFormErrors(error, values.allowedTypes)
        form.setErrors(byField)
        if (!complete) setFailure(error)
        focusFirstError(byField)
      } else {
        setFailure(error)
      }
    } finally {
      setBusy(false)
    }
  }

  const explained = failure instanceof ApiProblem && explain?.(failure)
  return (
    <form
      className="settings-form"
      noValidate
      onSubmit={form.onSubmit((values) => void submit(values), focusFirstError)}
    >
      <NameSection form={form} accounts={accounts} presentSlug={presentSlug} />
      <ClientSection form={form} />
      <DeliverySection form={form} accounts={accounts} />
      <LimitsSection form={form} />
      <PasswordSection form={form} hasPassword={initialValues.passwordChoice === 'keep'} />
      {explained ||
        (failure !== undefined && failure !== null && <ProblemNotice error={failure} />)}
      {Object.keys(form.errors).length > 0 && (
        <p className="form-errors" role="alert">
          Some settings are not right yet. They are marked above.
        </p>
      )}
      <Group className="form-actions">
        <BusyButton type="submit" busy={busy}>
          {submitLabel}
        </BusyButton>
        <Button component={Link} to="/portals" variant="default">
          Cancel
        </Button>
      </Group>
    </form>
  )
}

/** Mantine marks the fields; the keyboard belongs at the first of them. */
function focusFirstError(errors: Record<string, unknown>): void {
  const first = PORTAL_FORM_FIELDS.find((field) => errors[field])
  if (first) document.querySelector<HTMLElement>(`[data-path="${first}"]`)?.focus()
}
