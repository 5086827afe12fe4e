import { NativeSelect, TextInput } from '@mantine/core'
import { SIZE_UNITS } from './portal-form.ts'
import type { PortalForm } from './use-portal-form.ts'

interface SizeInputProps {
  form: PortalForm
  field: 'maxFileBytes' | 'maxTotalBytes'
  label: string
}

/** An amount and its unit; empty is no limit. */
export function SizeInput({ form, field, label }: SizeInputProps) {
  return (
    <div className="size-input">
      <TextInput
        {...form.getInputProps(field)}
        label={label}
        placeholder="no limit"
        inputMode="decimal"
        autoComplete="off"
      />
      <NativeSelect
        {...form.getInputProps(`${field}Unit`)}
        aria-label={`Unit of: ${label}`}
        data={SIZE_UNITS}
      />
    </div>
  )
}
