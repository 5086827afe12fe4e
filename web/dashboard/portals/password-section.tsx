import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/PasswordInput.css'
import { NativeSelect, PasswordInput } from '@mantine/core'
import { FormSection } from './form-section.tsx'
import type { PortalForm } from './use-portal-form.ts'

export function PasswordSection({ form, hasPassword }: { form: PortalForm; hasPassword: boolean }) {
  const choice = form.values.passwordChoice
  return (
    <FormSection title="Access">
      <NativeSelect
        {...form.getInputProps('passwordChoice')}
        label="Who may open the link"
        description={
          hasPassword && choice !== 'keep'
            ? 'Whoever has entered the present password must start again.'
            : undefined
        }
        data={[
          ...(hasPassword ? [{ value: 'keep', label: 'Whoever knows the present password' }] : []),
          { value: 'none', label: 'Everybody who has the link' },
          {
            value: 'set',
            label: hasPassword ? 'Whoever knows a new password' : 'Whoever knows a password',
          },
        ]}
      />
      {choice === 'set' && (
        <PasswordInput
          {...form.getInputProps('password')}
          label="Password"
          description="At least 8 characters. Tell it to your clients by another way than the link."
          maxLength={128}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
        />
      )}
    </FormSection>
  )
}
