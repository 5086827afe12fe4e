import { LOCALE } from './locale.ts'

const clockTime = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short' })
const dayAndTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' })
const exact = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'full', timeStyle: 'long' })

export function Time({ value }: { value: string }) {
  const time = new Date(value)
  const today = time.toDateString() === new Date().toDateString()
  return (
    <time dateTime={value} title={exact.format(time)}>
      {today ? `today, ${clockTime.format(time)}` : dayAndTime.format(time)}
    </time>
  )
}
