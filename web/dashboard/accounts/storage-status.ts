import type { AccountEntry, StorageAccountStatus } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import type { StatusColor } from '../shell/status-label.tsx'

interface StorageStatusIndicator {
  color: StatusColor
  label: string
  /** What is the matter and what to do about it. */
  advice: string
}

type StoredState = Pick<AccountEntry, 'lastError'> & { status: StorageAccountStatus }

/** Dot and word of a storage account; null stands for what was made before files were bound to accounts. */
export function getStorageStatusIndicator(
  storageAccount?: StoredState | null,
): StorageStatusIndicator {
  switch (storageAccount?.status) {
    case 'ACTIVE':
      return { color: 'green', label: 'Connected', advice: 'New files are delivered here.' }
    case 'INACTIVE':
      return {
        color: 'yellow',
        label: 'Inactive',
        advice:
          'You paused it. Its portals take no files, delivered ones stay within reach. Reactivate it to go on.',
      }
    case 'DISCONNECTED':
      return {
        color: 'red',
        label: 'Unavailable',
        advice: `${disconnectedBecause(storageAccount.lastError)} Reconnect it; waiting files are then delivered by themselves.`,
      }
    case 'ERROR':
      return {
        color: 'orange',
        label: 'Unavailable',
        advice:
          'The provider failed several times in a row. We keep trying; you can retry now or reconnect.',
      }
    default:
      return {
        color: 'grey',
        label: 'Legacy',
        advice: 'It is bound to no storage account.',
      }
  }
}

/** What an account's card says: an identity may have no storage yet, or have lost the record of it. */
export function describeAccount(
  account: Pick<
    AccountEntry,
    | 'storageAccountId'
    | 'storageStatus'
    | 'storageProvider'
    | 'isAuthAccount'
    | 'hasValidOAuth'
    | 'lastError'
  >,
): StorageStatusIndicator {
  const { storageAccountId, storageStatus: status, lastError } = account
  const indicator = getStorageStatusIndicator(status && { status, lastError })
  if (storageAccountId !== null) return indicator
  if (account.hasValidOAuth) {
    return {
      ...indicator,
      advice:
        'Portage may deliver there, but knows no storage account of it. “Fix Storage” below makes it again.',
    }
  }
  if (!account.isAuthAccount) return indicator
  return {
    color: 'grey',
    label: 'Sign-in only',
    advice: `You sign in with it. Connect its ${PROVIDER_NAMES[account.storageProvider]} to have files delivered there.`,
  }
}

function disconnectedBecause(lastError: string | null): string {
  return lastError !== null && WITHDRAWN.includes(lastError)
    ? 'The provider no longer lets Portage in: access was withdrawn or has ended.'
    : 'It is disconnected.'
}

const WITHDRAWN = ['GRANT_REFUSED', 'TOKEN_REFUSED']

const ERRORS: Record<string, string> = {
  GRANT_REFUSED: 'The provider refused our access: it was withdrawn or has ended.',
  TOKEN_REFUSED: 'The provider refused our access in the middle of a delivery.',
  PROVIDER_UNAVAILABLE: 'The provider did not answer, or answered with a failure of its own.',
  CONNECTION_REFUSED:
    'The provider did not accept how this Portage is set up. Whoever runs it should look at it.',
}

/** What went wrong last, in words; a code that has none yet is shown as it is. */
export function describeLastError(code: string): string {
  return ERRORS[code] ?? `It failed with ${code}.`
}

export type AccountAction =
  | 'connect'
  | 'pause'
  | 'reactivate'
  | 'retry'
  | 'reconnect'
  | 'disconnect'

/** What an owner can do with an account, the likeliest first. */
export function accountActions(status: StorageAccountStatus | null): AccountAction[] {
  switch (status) {
    case 'ACTIVE':
      return ['pause', 'disconnect']
    case 'INACTIVE':
      return ['reactivate', 'disconnect']
    case 'ERROR':
      return ['retry', 'reconnect', 'pause', 'disconnect']
    case 'DISCONNECTED':
      return ['reconnect']
    default:
      return ['connect']
  }
}
