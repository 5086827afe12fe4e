import { ConnectOutcome } from '../accounts/connect-outcome.tsx'
import { ConnectedAccounts } from '../accounts/connected-accounts.tsx'
import { LeftBehindNotice } from '../accounts/left-behind-notice.tsx'
import { useAccounts } from '../api/queries.ts'
import { Page } from '../shell/page.tsx'
import { NotificationSettings } from './notification-settings.tsx'
import { ProfileSettings } from './profile-settings.tsx'

export function SettingsPage() {
  const accounts = useAccounts()
  return (
    <Page title="Settings">
      <ConnectOutcome accounts={accounts.data} />
      <LeftBehindNotice accounts={accounts.data} />
      <div className="settings">
        <ProfileSettings />
        <NotificationSettings />
      </div>
      <section aria-labelledby="connected-accounts">
        <h2 className="section-title" id="connected-accounts">
          Connected accounts
        </h2>
        <ConnectedAccounts returnTo="/settings" headingLevel={3} />
      </section>
    </Page>
  )
}
