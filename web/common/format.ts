/** Sizes and times as people read them, in the language of the page. */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
/** Decimal units, as file managers and providers show them. */
const STEP = 1000

const formatters = new Map<string, Intl.NumberFormat>()

export function formatBytes(bytes: number, locale: string): string {
  let value = bytes
  let unit = 0
  // 999.5 kB would be shown as 1000 kB.
  while (Math.round(value) >= STEP && unit < UNITS.length - 1) {
    value /= STEP
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return numberFormat(locale, UNITS[unit] ?? 'byte', unit === 0 ? 'long' : 'short', digits).format(
    value,
  )
}

/** One unit, rounded up: `45 seconds`, `2 minutes`, `3 hours`. */
export function formatDuration(durationMs: number, locale: string): string {
  const seconds = Math.max(1, Math.ceil(durationMs / 1000))
  if (seconds < 60) {
    // Steps of five, so that an estimate does not flicker.
    const calm = seconds > 10 ? Math.ceil(seconds / 5) * 5 : seconds
    if (calm < 60) return numberFormat(locale, 'second', 'long', 0).format(calm)
  }
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 90) return numberFormat(locale, 'minute', 'long', 0).format(minutes)
  return numberFormat(locale, 'hour', 'long', 0).format(Math.ceil(minutes / 60))
}

export function formatPercent(fraction: number, locale: string): string {
  return numberFormat(locale, 'percent', 'long', 0).format(Math.floor(fraction * 100) / 100)
}

function numberFormat(
  locale: string,
  unit: string,
  unitDisplay: 'long' | 'short',
  maximumFractionDigits: number,
): Intl.NumberFormat {
  const key = `${locale} ${unit} ${unitDisplay} ${maximumFractionDigits}`
  let format = formatters.get(key)
  if (!format) {
    format = new Intl.NumberFormat(locale, {
      ...(unit === 'percent' ? { style: 'percent' } : { style: 'unit', unit, unitDisplay }),
      maximumFractionDigits,
    })
    formatters.set(key, format)
  }
  return format
}
