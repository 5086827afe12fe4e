import type { StorageProviderId } from '../../../shared/contract/common.ts'
import type {
  FieldRule,
  PortalReply,
  UpdatePortalRequest,
} from '../../../shared/contract/portals.ts'

/** A portal's settings as its form holds them: what is typed is text until it is sent. */
export interface PortalFormValues {
  name: string
  slug: string
  storageAccountId: string
  backupStorageAccountIds: string[]
  instructions: string
  clientName: FieldRule
  clientEmail: FieldRule
  clientMessage: FieldRule
  allowedTypes: string
  maxFileBytes: string
  maxFileBytesUnit: SizeUnit
  maxFiles: string
  maxTotalBytes: string
  maxTotalBytesUnit: SizeUnit
  /** As `<input type="datetime-local">` has it: the reader's own time, without a zone. */
  deadline: string
  graceMinutes: string
  clientFolders: boolean
  storageFolderPath: string
  passwordChoice: 'keep' | 'set' | 'none'
  password: string
}

export type PortalFormField = Exclude<
  keyof PortalFormValues,
  'maxFileBytesUnit' | 'maxTotalBytesUnit' | 'passwordChoice'
>

/** As the form shows them, so that the first one that is wrong gets the focus. */
export const PORTAL_FORM_FIELDS: readonly PortalFormField[] = [
  'name',
  'slug',
  'storageAccountId',
  'backupStorageAccountIds',
  'instructions',
  'clientName',
  'clientEmail',
  'clientMessage',
  'allowedTypes',
  'maxFileBytes',
  'clientFolders',
  'storageFolderPath',
  'maxFiles',
  'maxTotalBytes',
  'deadline',
  'graceMinutes',
  'password',
]

const UNIT_BYTES = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const
export type SizeUnit = keyof typeof UNIT_BYTES
export const SIZE_UNITS = Object.keys(UNIT_BYTES) as SizeUnit[]

export const NEW_PORTAL: PortalFormValues = {
  name: '',
  slug: '',
  storageAccountId: '',
  backupStorageAccountIds: [],
  instructions: '',
  clientName: 'optional',
  clientEmail: 'optional',
  clientMessage: 'optional',
  allowedTypes: '',
  maxFileBytes: '',
  maxFileBytesUnit: 'MB',
  maxFiles: '',
  maxTotalBytes: '',
  maxTotalBytesUnit: 'GB',
  deadline: '',
  graceMinutes: '0',
  clientFolders: false,
  storageFolderPath: '',
  passwordChoice: 'none',
  password: '',
}

export function formValuesOf(portal: PortalReply): PortalFormValues {
  const maxFile = toAmount(portal.maxFileBytes, 'MB')
  const maxTotal = toAmount(portal.maxTotalBytes, 'GB')
  return {
    name: portal.name,
    slug: portal.slug,
    storageAccountId: portal.storageAccountId,
    backupStorageAccountIds: portal.backupStorageAccountIds,
    instructions: portal.instructions ?? '',
    ...portal.fields,
    allowedTypes: portal.allowedTypes.join(', '),
    maxFileBytes: maxFile.amount,
    maxFileBytesUnit: maxFile.unit,
    maxFiles: portal.maxFiles === null ? '' : String(portal.maxFiles),
    maxTotalBytes: maxTotal.amount,
    maxTotalBytesUnit: maxTotal.unit,
    deadline: portal.deadline === null ? '' : toLocalMinute(portal.deadline),
    graceMinutes: String(portal.graceMinutes),
    clientFolders: portal.clientFolders,
    storageFolderPath: portal.storageFolderPath ?? '',
    passwordChoice: portal.passwordRequired ? 'keep' : 'none',
    password: '',
  }
}

/** What the form can tell by itself; the API has the last word on everything else. */
export function formProblems(values: PortalFormValues): Partial<Record<PortalFormField, string>> {
  const problems: Partial<Record<PortalFormField, string>> = {}
  if (values.name.trim() === '') problems.name = 'Give the portal a name.'
  if (values.storageAccountId === '') problems.storageAccountId = 'Choose where the files go.'
  if (Number.isNaN(parseAmount(values.maxFileBytes))) problems.maxFileBytes = NO_NUMBER
  if (Number.isNaN(parseAmount(values.maxTotalBytes))) problems.maxTotalBytes = NO_NUMBER
  if (Number.isNaN(parseAmount(values.maxFiles))) problems.maxFiles = NO_NUMBER
  if (values.passwordChoice === 'set' && values.password === '') {
    problems.password = 'Enter a password, or choose that none is needed.'
  }
  return problems
}

const NO_NUMBER = 'Enter a number, or leave it empty for no limit.'

/** Everything the form holds as the API takes it. */
export function requestOf(
  values: PortalFormValues,
  storageProvider: StorageProviderId | undefined,
): UpdatePortalRequest {
  const { name, slug, storageAccountId, clientName, clientEmail, clientMessage } = values
  return {
    name: name.trim(),
    slug,
    storageAccountId,
    ...(storageProvider ? { storageProvider } : {}),
    backupStorageAccountIds: values.backupStorageAccountIds,
    instructions: values.instructions.trim() || null,
    fields: { clientName, clientEmail, clientMessage },
    allowedTypes: parseTypes(values.allowedTypes),
    maxFileBytes: toBytes(values.maxFileBytes, values.maxFileBytesUnit),
    maxFiles: parseAmount(values.maxFiles),
    maxTotalBytes: toBytes(values.maxTotalBytes, values.maxTotalBytesUnit),
    deadline: values.deadline === '' ? null : new Date(values.deadline).toISOString(),
    graceMinutes: Number(values.graceMinutes),
    clientFolders: values.clientFolders,
    storageFolderPath: values.storageFolderPath.trim() || null,
    ...(values.passwordChoice === 'set' ? { password: values.password } : {}),
    ...(values.passwordChoice === 'none' ? { password: null } : {}),
  }
}

/** Only what differs from the portal as it was loaded: what the owner did not touch stays as it is. */
export function changesOf(
  before: PortalReply,
  values: PortalFormValues,
  storageProvider: StorageProviderId | undefined,
): UpdatePortalRequest {
  const asLoaded = requestOf(formValuesOf(before), before.storageProvider)
  const wanted = requestOf(values, storageProvider)
  const changed = Object.entries(wanted).filter(
    ([member, value]) =>
      JSON.stringify(value) !== JSON.stringify(asLoaded[member as keyof UpdatePortalRequest]),
  )
  return Object.fromEntries(changed)
}

/** `.pdf, image/*` or one on each line; a bare `pdf` means `.pdf`. */
export function parseTypes(text: string): string[] {
  const types = text
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map((type) => (/^[a-z0-9]+$/.test(type) ? `.${type}` : type))
  return [...new Set(types)]
}

/** Null for nothing, NaN for what is no number. */
function parseAmount(text: string): number | null {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return null
  return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : Number.NaN
}

function toBytes(amount: string, unit: SizeUnit): number | null {
  const number = parseAmount(amount)
  return number === null ? null : Math.round(number * UNIT_BYTES[unit])
}

/** The largest unit in which a size is short to write; what is said that way is exactly that size. */
function toAmount(bytes: number | null, preferred: SizeUnit): { amount: string; unit: SizeUnit } {
  if (bytes === null) return { amount: '', unit: preferred }
  const unit =
    SIZE_UNITS.findLast(
      (each) => bytes >= UNIT_BYTES[each] && Number.isInteger((bytes * 100) / UNIT_BYTES[each]),
    ) ?? 'bytes'
  return { amount: String(bytes / UNIT_BYTES[unit]), unit }
}

function toLocalMinute(iso: string): string {
  const time = new Date(iso)
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
