import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { lazy } from 'react'
import { BrowserRouter, Route, Routes } from 'react-router'
import { createQueryClient } from './api/session.ts'
import { NotFoundPage } from './shell/not-found-page.tsx'
import { Shell } from './shell/shell.tsx'
import { SignInPage } from './sign-in/sign-in-page.tsx'
import { cssVariables, theme } from './theme.ts'

const OverviewPage = lazy(async () => ({
  default: (await import('./overview/overview-page.tsx')).OverviewPage,
}))
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

const queryClient = createQueryClient()

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <Notifications position="bottom-center" autoClose={8000} />
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
