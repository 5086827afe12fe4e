import { Page } from '../shell/page.tsx'

export function PortalsPage() {
  return <Page title="Portals">{null}</Page>
}
