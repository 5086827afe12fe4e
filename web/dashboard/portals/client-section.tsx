import { NativeSelect, Textarea } from '@mantine/core'
import { FormSection } from './form-section.tsx'
import type { PortalForm } from './use-portal-form.ts'

const FIELDS = [
  { field: 'clientName', label: 'Their name' },
  { field: 'clientEmail', label: 'Their e-mail address' },
  { field: 'clientMessage', label: 'A message' },
] as const
const RULES = [
  { value: 'hidden', label: 'Do not ask' },
  { value: 'optional', label: 'Ask, may be left empty' },
  { value: 'required', label: 'Must be given' },
]

export function ClientSection({ form }: { form: PortalForm }) {
  return (
    <FormSection title="What clients see and give">
      <Textarea
        {...form.getInputProps('instructions')}
        label="Instructions"
        description="Shown above the files, as you write it."
        placeholder="Please send the signed contract and a copy of your identity card."
        minRows={3}
        rows={4}
        maxLength={5000}
      />
      <div className="form-row">
        {FIELDS.map(({ field, label }) => (
          <NativeSelect key={field} {...form.getInputProps(field)} label={label} data={RULES} />
        ))}
      </div>
    </FormSection>
  )
}
