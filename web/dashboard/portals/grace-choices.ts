import { formatDuration } from '../../common/format.ts'

const HOUR = 60
const DAY = 24 * HOUR
const CHOICES = [0, 15, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY]

/** Times of grace to choose from, with the one that is set. */
export function graceChoices(presentMinutes: number): { value: string; label: string }[] {
  return [...new Set([...CHOICES, presentMinutes])]
    .sort((a, b) => a - b)
    .map((minutes) => ({ value: String(minutes), label: describeGrace(minutes) }))
}

function describeGrace(minutes: number): string {
  if (minutes === 0) return 'Take nothing more'
  const words =
    minutes % DAY === 0
      ? new Intl.NumberFormat('en', { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(
          minutes / DAY,
        )
      : formatDuration(minutes * 60_000, 'en')
  return `Take files for another ${words}`
}
