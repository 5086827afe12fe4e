import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { accountOption } from './account-option.ts'
import { FormSection } from './form-section.tsx'
import { portalLink } from './portal-link.ts'
import { suggestSlug } from './suggest-slug.ts'
import type { PortalForm } from './use-portal-form.ts'

interface NameSectionProps {
  form: PortalForm
  accounts: AccountEntry[]
  presentSlug: string | undefined
}

export function NameSection({ form, accounts, presentSlug }: NameSectionProps) {
  const [slugIsOwn, setSlugIsOwn] = useState(presentSlug !== undefined)
  const { values } = form
  const chosen = form.getInitialValues().storageAccountId
  const moves = presentSlug !== undefined && values.storageAccountId !== chosen
  const linkChanges = presentSlug !== undefined && values.slug !== presentSlug
  return (
    <FormSection title="Name and place">
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
      />
      <TextInput
        {...form.getInputProps('slug')}
        onChange={({ currentTarget }) => {
          setSlugIsOwn(currentTarget.value !== '')
          form.setFieldValue('slug', currentTarget.value.toLowerCase())
        }}
        label="Link"
        description={
          <span className="wrap-anywhere">
            {portalLink(values.slug || '…')}
            {linkChanges && ' – the present link will no longer work; nobody else can take it.'}
          </span>
        }
        maxLength={63}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        required
      />
      <NativeSelect
        {...form.getInputProps('storageAccountId')}
        label="Files go to"
        description={
          moves
            ? 'Files handed over from now on go there; earlier ones stay where they are.'
            : undefined
        }
        required
        data={accounts
          .filter(
            ({ storageStatus, storageAccountId }) =>
              storageStatus === 'ACTIVE' || storageAccountId === chosen,
          )
          .map(accountOption)}
      />
    </FormSection>
  )
}
