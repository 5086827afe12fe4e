import { NativeSelect, Switch, Textarea, TextInput } from '@mantine/core'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { accountOption } from './account-option.ts'
import { FormSection } from './form-section.tsx'
import { SizeInput } from './size-input.tsx'
import type { PortalForm } from './use-portal-form.ts'

const MOST_BACKUPS = 5

export function DeliverySection({
  form,
  accounts,
}: {
  form: PortalForm
  accounts: AccountEntry[]
}) {
  return (
    <FormSection title="Files">
      <Textarea
        {...form.getInputProps('allowedTypes')}
        label="Take only these kinds"
        description="Endings or kinds, such as .pdf, .docx, image/*. Empty takes every kind."
        placeholder="every kind"
        rows={2}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
      />
      <SizeInput form={form} field="maxFileBytes" label="Largest single file" />
      <TextInput
        {...form.getInputProps('storageFolderPath')}
        label="Folder in your storage"
        description="Levels are separated by /. Empty makes a folder named after the portal in “Portage”."
        placeholder={`Portage/${form.values.name.trim() || '…'}`}
        maxLength={1000}
        autoCorrect="off"
        spellCheck={false}
      />
      <Switch
        {...form.getInputProps('clientFolders', { type: 'checkbox' })}
        label="A folder of its own for each client"
      />
      <Backups form={form} accounts={accounts} />
    </FormSection>
  )
}

/** One list after another, each without what is chosen before it. */
function Backups({ form, accounts }: { form: PortalForm; accounts: AccountEntry[] }) {
  const { storageAccountId, backupStorageAccountIds: chosen } = form.values
  const others = accounts.filter(
    (account) => account.storageAccountId !== null && account.storageAccountId !== storageAccountId,
  )
  const shown = Math.min(chosen.length + 1, others.length, MOST_BACKUPS)
  const choose = (place: number, id: string) =>
    form.setFieldValue(
      'backupStorageAccountIds',
      chosen.toSpliced(place, 1, ...(id === '' ? [] : [id])),
    )
  if (others.length === 0 && chosen.length === 0) return null
  return (
    <>
      {Array.from({ length: Math.max(shown, chosen.length) }, (_, place) => (
        <NativeSelect
          // Places are what these are.
          // biome-ignore lint/suspicious/noArrayIndexKey: the list is its order
          key={place}
          label={place === 0 ? 'Backup account' : `Backup account ${place + 1}`}
          description={
            place === 0
              ? 'Takes the files while the portal’s own account cannot. One file never goes to two accounts.'
              : undefined
          }
          data-path={place === 0 ? 'backupStorageAccountIds' : undefined}
          error={place === 0 ? form.errors['backupStorageAccountIds'] : undefined}
          value={chosen[place] ?? ''}
          onChange={({ currentTarget }) => choose(place, currentTarget.value)}
          data={[
            { value: '', label: 'None' },
            ...others
              .filter(
                (account) =>
                  account.storageAccountId === chosen[place] ||
                  !chosen.includes(account.storageAccountId ?? ''),
              )
              .map(accountOption),
          ]}
        />
      ))}
    </>
  )
}
