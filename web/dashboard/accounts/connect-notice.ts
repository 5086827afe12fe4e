import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'

interface ConnectNotice {
  tone: 'info' | 'warning' | 'danger'
  title: string
  detail: string
}

const FAILURES: Record<string, ConnectNotice> = {
  ACCESS_DENIED: {
    tone: 'warning',
    title: 'The storage was not connected',
    detail:
      'You did not allow the access at the provider. Nothing has changed; you can connect again.',
  },
  STORAGE_PERMISSION_MISSING: {
    tone: 'warning',
    title: 'The permission for files is missing',
    detail:
      'Connect again and leave the box about files ticked. Portage sees only the files that it delivers itself.',
  },
  OFFLINE_ACCESS_MISSING: {
    tone: 'warning',
    title: 'The provider gave no lasting access',
    detail:
      'Without it files could arrive only while you watch. Remove Portage from the apps of your account at the provider, then connect again.',
  },
  CONNECT_REFUSED: {
    tone: 'danger',
    title: 'The provider did not accept the connection',
    detail: 'Please connect again. If it goes on, whoever runs this Portage should look at it.',
  },
  SINGLE_EMAIL_PER_PROVIDER: {
    tone: 'warning',
    title: 'Another address of this provider is connected already',
    detail:
      'Your settings allow one address for each provider. Disconnect the other account first, or allow several addresses in the settings.',
  },
  PROVIDER_UNAVAILABLE: {
    tone: 'danger',
    title: 'The provider did not answer',
    detail: 'Please connect again in a minute.',
  },
}

/** What the page says after a connect flow, from `?connected=` or `?connectError=` in its address. */
export function connectNotice(
  query: URLSearchParams,
  accounts: Pick<
    AccountEntry,
    'storageAccountId' | 'storageStatus' | 'storageProvider' | 'email'
  >[],
): ConnectNotice | undefined {
  const code = query.get('connectError')
  if (code !== null) {
    return (
      FAILURES[code] ?? {
        tone: 'danger',
        title: 'The storage was not connected',
        detail: 'Please connect again.',
      }
    )
  }
  const connected = query.get('connected')
  if (connected === null) return undefined
  const account = accounts.find(({ storageAccountId }) => storageAccountId === connected)
  const provider = account ? PROVIDER_NAMES[account.storageProvider] : 'The storage'
  if (account?.storageStatus === 'INACTIVE') {
    return {
      tone: 'warning',
      title: `${provider} is connected, and still paused`,
      detail: 'You paused this account earlier. Reactivate it when it shall take files again.',
    }
  }
  return {
    tone: 'info',
    title: `${provider} is connected`,
    detail: account?.email
      ? `Files can now be delivered to ${account.email}.`
      : 'Files can now be delivered there.',
  }
}
