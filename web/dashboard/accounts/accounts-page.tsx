import { Button } from '@mantine/core'
import { connectPath } from '../api/client.ts'
import { useAccounts } from '../api/queries.ts'
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
      actions={
        accounts.data?.some(({ storageAccountId }) => storageAccountId !== null) && (
          <Button component="a" href={connectPath('/accounts')} variant="default">
            Connect another Google Drive
          </Button>
        )
      }
    >
      <ConnectOutcome accounts={accounts.data} />
      <LeftBehindNotice accounts={accounts.data} />
      <ConnectedAccounts returnTo="/accounts" />
    </Page>
  )
}
