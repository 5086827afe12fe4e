import { Page } from '../shell/page.tsx'

export function AccountsPage() {
  return <Page title="Accounts">{null}</Page>
}
