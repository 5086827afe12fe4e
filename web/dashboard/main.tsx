// Mantine's order: what is built upon comes first, so that what builds upon it wins.
import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Group.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Text.css'
import '@mantine/core/styles/Anchor.css'
import '@mantine/core/styles/Avatar.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/Notification.css'
import '@mantine/core/styles/Skeleton.css'
import '@mantine/core/styles/Stack.css'
import '@mantine/core/styles/Title.css'
import '@mantine/notifications/styles.css'
import './dashboard.css'
import { createRoot } from 'react-dom/client'
import { createQueryClient } from './api/session.ts'
import { App } from './app.tsx'
import { askAhead } from './ask-ahead.ts'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
const queryClient = createQueryClient()
askAhead(queryClient, window.location.pathname)
createRoot(root).render(<App queryClient={queryClient} />)
