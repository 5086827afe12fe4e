import { render } from 'preact'
import { messagesFor } from './messages.ts'
import { PortalPage } from './portal-page.tsx'

const messages = messagesFor(navigator.languages)
document.documentElement.lang = messages.locale

const [, , slug = ''] = location.pathname.split('/')
const root = document.getElementById('root')
if (root) render(<PortalPage slug={slug} messages={messages} />, root)
