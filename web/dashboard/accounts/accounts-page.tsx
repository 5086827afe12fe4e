import { useAccounts } from '../api/queries.ts'
import { ConnectButtons } from '../providers/connect-buttons.tsx'
import { Page } from '../shell/page.tsx'
import { ConnectOutcome } from './connect-outcome.tsx'
import { ConnectedAccounts } from './connected-accounts.tsx'
import { LeftBehindNotice } from './left-behind-notice.tsx'

export function AccountsPage() {
  const accounts = useAccounts()
  return (
    <Page
      title="Accounts"
      lead="Where your clients’ files are delivered. Portage sees only the files that it puts there itself."
      actions={accounts.data && accounts.data.length > 0 && <ConnectButtons returnTo="/accounts" />}
    >
      <ConnectOutcome accounts={accounts.data} />
      <LeftBehindNotice accounts={accounts.data} />
      <ConnectedAccounts returnTo="/accounts" />
    </Page>
  )
}
