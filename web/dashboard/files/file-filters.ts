/** What the list of files is narrowed to; it stands in the page's address, so that it can be linked to and gone back to. */
export interface FileFilters {
  portalId: string
  storageAccountId: string
  clientEmail: string
  status: string
  /** Days where the reader is, as `<input type="date">` has them. */
  from: string
  to: string
  q: string
}

const NAMES = ['portalId', 'storageAccountId', 'clientEmail', 'status', 'from', 'to', 'q'] as const
/** The API reads one list at a time. */
const LISTS: readonly (keyof FileFilters)[] = ['portalId', 'storageAccountId', 'clientEmail']

export function readFilters(query: URLSearchParams): FileFilters {
  return Object.fromEntries(
    NAMES.map((name) => [name, query.get(name) ?? '']),
  ) as unknown as FileFilters
}

/** The address's query with one filter changed; of portal, account and client only the last one chosen stays. */
export function changeFilter(
  query: URLSearchParams,
  name: keyof FileFilters,
  value: string,
): URLSearchParams {
  const changed = new URLSearchParams(query)
  if (value !== '' && LISTS.includes(name)) for (const list of LISTS) changed.delete(list)
  if (value === '') changed.delete(name)
  else changed.set(name, value)
  return changed
}

export function countFilters(filters: FileFilters): number {
  return NAMES.filter((name) => filters[name] !== '').length
}

/** As the API takes them: days become their first and last moments. */
export function filterQuery(filters: FileFilters): Record<string, string> {
  const given = NAMES.flatMap((name): [string, string][] => {
    const value = filters[name].trim()
    if (value === '') return []
    if (name === 'from') return moment(name, value, '00:00:00.000')
    if (name === 'to') return moment(name, value, '23:59:59.999')
    return [[name, value]]
  })
  return Object.fromEntries(given)
}

function moment(name: string, day: string, time: string): [string, string][] {
  const date = new Date(`${day}T${time}`)
  // An address that somebody typed: the API says what is wrong with it.
  return [[name, Number.isNaN(date.getTime()) ? day : date.toISOString()]]
}

/** Whether the API may return a short page although more follows. */
export function isSearch(filters: FileFilters): boolean {
  return filters.status !== '' || filters.q !== ''
}
