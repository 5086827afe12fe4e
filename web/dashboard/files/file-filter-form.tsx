import '@mantine/core/styles/Input.css'
import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import type { PortalReply } from '../../../shared/contract/portals.ts'
import { accountOption } from '../portals/account-option.ts'
import { countFilters, type FileFilters } from './file-filters.ts'
import { FilterText } from './filter-text.tsx'
import { STATUS_CHOICES } from './upload-status.ts'

interface FileFilterFormProps {
  filters: FileFilters
  portals: PortalReply[]
  accounts: AccountEntry[]
  onChange: (name: keyof FileFilters, value: string) => void
  onClear: () => void
}

/** Open where there is room; on a telephone the files come first. */
export function FileFilterForm(props: FileFilterFormProps) {
  const wide = useMediaQuery('(min-width: 48em)', true, { getInitialValueInEffect: false })
  const count = countFilters(props.filters)
  return (
    <search className="card filters" aria-label="Filter the files">
      {wide ? (
        <Fields {...props} />
      ) : (
        <details>
          <summary>{count === 0 ? 'Filters' : `Filters (${count} set)`}</summary>
          <Fields {...props} />
        </details>
      )}
    </search>
  )
}

function Fields({ filters, portals, accounts, onChange, onClear }: FileFilterFormProps) {
  const count = countFilters(filters)
  return (
    <>
      <div className="filter-fields">
        <NativeSelect
          label="Portal"
          value={filters.portalId}
          onChange={({ currentTarget }) => onChange('portalId', currentTarget.value)}
          data={withPresent(filters.portalId, 'All portals', 'A deleted portal', [
            ...portals.map(({ id, name }) => ({ value: id, label: name })),
          ])}
        />
        <NativeSelect
          label="Account"
          value={filters.storageAccountId}
          onChange={({ currentTarget }) => onChange('storageAccountId', currentTarget.value)}
          data={withPresent(
            filters.storageAccountId,
            'All accounts',
            'Another account',
            accounts.filter(({ storageAccountId }) => storageAccountId !== null).map(accountOption),
          )}
        />
        <FilterText
          label="Client’s e-mail address"
          type="email"
          placeholder="the whole address"
          value={filters.clientEmail}
          isWhole={(text) => /^\S+@\S+\.\S\S+$/.test(text)}
          incomplete="Enter the whole address."
          onChange={(value) => onChange('clientEmail', value)}
        />
        <NativeSelect
          label="Status"
          value={filters.status}
          onChange={({ currentTarget }) => onChange('status', currentTarget.value)}
          data={[{ value: '', label: 'Every status' }, ...STATUS_CHOICES]}
        />
        <FilterText
          label="Name begins with"
          type="search"
          placeholder="invoice"
          value={filters.q}
          onChange={(value) => onChange('q', value)}
        />
        <TextInput
          type="date"
          label="From"
          value={filters.from}
          max={filters.to || undefined}
          onChange={({ currentTarget }) => onChange('from', currentTarget.value)}
        />
        <TextInput
          type="date"
          label="To"
          value={filters.to}
          min={filters.from || undefined}
          onChange={({ currentTarget }) => onChange('to', currentTarget.value)}
        />
        <div className="filter-clear">
          <Button
            variant="default"
            // Not `disabled`: that would throw the keyboard's focus away.
            aria-disabled={count === 0}
            {...(count === 0 ? { 'data-disabled': true } : {})}
            onClick={onClear}
          >
            Clear filters
          </Button>
        </div>
      </div>
      <p className="small-print">
        Of portal, account and client one at a time; each of them together with the other filters.
      </p>
    </>
  )
}

/** What the address names is shown, even when no list knows it. */
function withPresent(
  present: string,
  all: string,
  unknown: string,
  choices: { value: string; label: string }[],
): { value: string; label: string }[] {
  const isKnown = present === '' || choices.some(({ value }) => value === present)
  return [
    { value: '', label: all },
    ...choices,
    ...(isKnown ? [] : [{ value: present, label: unknown }]),
  ]
}
