import { Page } from '../shell/page.tsx'

export function FilesPage() {
  return <Page title="Files">{null}</Page>
}
