import { MantineProvider } from '@mantine/core'
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { BrowserRouter, Route, Routes } from 'react-router'
import { OverviewPage } from './overview/overview-page.tsx'
import { NotFoundPage } from './shell/not-found-page.tsx'
import { useHasMessages } from './shell/notify.ts'
import { Shell } from './shell/shell.tsx'
import { SignInPage } from './sign-in/sign-in-page.tsx'
import { cssVariables, theme } from './theme.ts'

const PortalsPage = lazy(async () => ({
  default: (await import('./portals/portals-page.tsx')).PortalsPage,
}))
const CreatePortalPage = lazy(async () => ({
  default: (await import('./portals/create-portal-page.tsx')).CreatePortalPage,
}))
const EditPortalPage = lazy(async () => ({
  default: (await import('./portals/edit-portal-page.tsx')).EditPortalPage,
}))
const FilesPage = lazy(async () => ({
  default: (await import('./files/files-page.tsx')).FilesPage,
}))
const AccountsPage = lazy(async () => ({
  default: (await import('./accounts/accounts-page.tsx')).AccountsPage,
}))
const ActivityPage = lazy(async () => ({
  default: (await import('./activity/activity-page.tsx')).ActivityPage,
}))
const SettingsPage = lazy(async () => ({
  default: (await import('./settings/settings-page.tsx')).SettingsPage,
}))

const Messages = lazy(async () => ({
  default: (await import('./shell/messages.tsx')).Messages,
}))

export function App({ queryClient }: { queryClient: QueryClient }) {
  const hasMessages = useHasMessages()
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      {hasMessages && (
        <Suspense>
          <Messages />
        </Suspense>
      )}
      <QueryClientProvider client={queryClient}>
        <BrowserRouter>
          <Routes>
            <Route path="/sign-in" element={<SignInPage />} />
            <Route element={<Shell />}>
              <Route path="/" element={<OverviewPage />} />
              <Route path="/portals" element={<PortalsPage />} />
              <Route path="/portals/new" element={<CreatePortalPage />} />
              <Route path="/portals/:portalId" element={<EditPortalPage />} />
              <Route path="/files" element={<FilesPage />} />
              <Route path="/accounts" element={<AccountsPage />} />
              <Route path="/activity" element={<ActivityPage />} />
              <Route path="/settings" element={<SettingsPage />} />
              <Route path="*" element={<NotFoundPage />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  )
}
