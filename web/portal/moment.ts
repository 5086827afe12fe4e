/** A moment as its reader would say it: in the reader's own time zone unless another is given. */
export function formatMoment(atMs: number, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    weekday: 'long',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(atMs)
}

/** The time of day alone, for what is over soon. */
export function formatTimeOfDay(atMs: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }).format(atMs)
}
