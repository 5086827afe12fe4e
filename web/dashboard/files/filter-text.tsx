import { TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useEffect, useState } from 'react'

const PAUSE_MS = 400

interface FilterTextProps {
  label: string
  type: 'search' | 'email'
  placeholder: string
  value: string
  /** Whether what is typed can be looked for already. */
  isWhole?: (text: string) => boolean
  incomplete?: string
  onChange: (value: string) => void
}

/** A filter that is typed: it applies after a pause. */
export function FilterText({
  value,
  isWhole = () => true,
  incomplete,
  onChange,
  ...input
}: FilterTextProps) {
  const [text, setText] = useState(value)
  const [wasLeft, setWasLeft] = useState(false)
  const apply = useDebouncedCallback(onChange, PAUSE_MS)
  const trimmed = text.trim()
  const usable = trimmed === '' || isWhole(trimmed)
  // Another filter or the Back button changed it.
  useEffect(() => setText(value), [value])
  return (
    <TextInput
      {...input}
      value={text}
      error={wasLeft && !usable ? incomplete : undefined}
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      onBlur={() => setWasLeft(true)}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value)
        setWasLeft(false)
        const wanted = currentTarget.value.trim()
        if (wanted === '' || isWhole(wanted)) apply(wanted)
      }}
    />
  )
}
