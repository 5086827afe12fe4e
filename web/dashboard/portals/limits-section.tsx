import { NativeSelect, TextInput } from '@mantine/core'
import { FormSection } from './form-section.tsx'
import { graceChoices } from './grace-choices.ts'
import { SizeInput } from './size-input.tsx'
import type { PortalForm } from './use-portal-form.ts'

const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

export function LimitsSection({ form }: { form: PortalForm }) {
  return (
    <FormSection
      title="Limits"
      lead="All of them count over the portal’s whole life. Empty means no limit."
    >
      <div className="form-row">
        <TextInput
          {...form.getInputProps('maxFiles')}
          label="Files altogether"
          placeholder="no limit"
          inputMode="numeric"
          autoComplete="off"
        />
        <SizeInput form={form} field="maxTotalBytes" label="Size altogether" />
      </div>
      <div className="form-row">
        <TextInput
          {...form.getInputProps('deadline')}
          type="datetime-local"
          label="Deadline"
          description={`In your own time, ${TIME_ZONE}.`}
        />
        <NativeSelect
          {...form.getInputProps('graceMinutes')}
          label="After the deadline"
          description="What comes in that time is marked as late."
          data={graceChoices(Number(form.getInitialValues().graceMinutes))}
        />
      </div>
    </FormSection>
  )
}
