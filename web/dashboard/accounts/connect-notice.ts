import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { providerNamed } from '../providers/offered-providers.ts'

interface ConnectNotice {
  tone: 'info' | 'warning' | 'danger'
  title: string
  detail: string
}

/** Where the provider is known, its name stands for `the provider` and `the storage`. */
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
    title: 'Another address of the provider is connected already',
    detail:
      'Your settings allow one address for each provider. Disconnect the other account first, or allow several addresses in the settings.',
  },
  PROVIDER_UNAVAILABLE: {
    tone: 'danger',
    title: 'The provider did not answer',
    detail: 'Please connect again in a minute.',
  },
}

/** What the page says after a connect flow, from `?connected=` or `?connectError=` and `?provider=` in its address. */
export function connectNotice(
  query: URLSearchParams,
  accounts: Pick<
    AccountEntry,
    'storageAccountId' | 'storageStatus' | 'storageProvider' | 'email'
  >[],
): ConnectNotice | undefined {
  const code = query.get('connectError')
  if (code !== null) {
    const failure = FAILURES[code] ?? {
      tone: 'danger',
      title: 'The storage was not connected',
      detail: 'Please connect again.',
    }
    return named(failure, providerNamed(query.get('provider'))?.name)
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

function named({ tone, title, detail }: ConnectNotice, name: string | undefined): ConnectNotice {
  const say = (text: string) =>
    name === undefined ? text : text.replaceAll(/\bthe (?:provider|storage)\b/gi, name)
  return { tone, title: say(title), detail: say(detail) }
}
