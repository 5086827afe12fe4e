import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { ApiProblem } from '../common/api-problem.ts'
import { createUploader, portalApi } from './browser.ts'
import { HandOver } from './hand-over.tsx'
import { Icon } from './icon.tsx'
import type { Messages } from './messages.ts'
import { Notice } from './notice.tsx'
import type { Uploader } from './upload/uploader.ts'

interface PortalPageProps {
  slug: string
  messages: Messages
}

type View =
  | { kind: 'loading' }
  | { kind: 'not-found' }
  | { kind: 'failed' }
  | { kind: 'locked' }
  | { kind: 'portal'; portal: OpenPortalReply; uploader: Uploader }

export function PortalPage({ slug, messages }: PortalPageProps) {
  const [view, setView] = useState<View>({ kind: 'loading' })
  const [attempt, setAttempt] = useState(1)

  // biome-ignore lint/correctness/useExhaustiveDependencies: trying again is a new attempt at the same portal
  useEffect(() => {
    let isCurrent = true
    void loadPortal(slug).then((loaded) => {
      if (isCurrent) setView(loaded)
    })
    return () => {
      isCurrent = false
    }
  }, [slug, attempt])

  const tryAgain = () => {
    setView({ kind: 'loading' })
    setAttempt(attempt + 1)
  }

  switch (view.kind) {
    case 'loading':
      return (
        <Frame messages={messages}>
          <p class="loading" role="status">
            {messages.loading}
          </p>
        </Frame>
      )
    case 'not-found':
      return (
        <Frame messages={messages}>
          <Notice icon="lost" title={messages.notFoundTitle} text={messages.notFoundText} />
        </Frame>
      )
    case 'failed':
      return (
        <Frame messages={messages}>
          <Notice icon="alert" title={messages.loadFailedTitle} text={messages.loadFailedText}>
            <button type="button" class="button primary" onClick={tryAgain}>
              {messages.tryAgain}
            </button>
          </Notice>
        </Frame>
      )
    case 'locked':
      return (
        <Frame messages={messages}>
          <Notice icon="closed" title={messages.lockedTitle} text={messages.lockedText} />
        </Frame>
      )
    case 'portal':
      return (
        <Frame messages={messages}>
          <HandOver portal={view.portal} uploader={view.uploader} messages={messages} />
        </Frame>
      )
  }
}

async function loadPortal(slug: string): Promise<View> {
  try {
    const portal = await portalApi.findPortal(slug)
    if (!('acceptsUploads' in portal)) return { kind: 'locked' }
    const uploader = await createUploader(portal)
    void uploader.restore()
    return { kind: 'portal', portal, uploader }
  } catch (error) {
    // Whatever went wrong, the reader can do one thing: try again.
    if (error instanceof ApiProblem && error.status === 404) return { kind: 'not-found' }
    return { kind: 'failed' }
  }
}

function Frame({ messages, children }: { messages: Messages; children: ComponentChildren }) {
  return (
    <div class="page">
      <main>{children}</main>
      <footer>
        <Icon name="canoe" />
        <p>{messages.footer}</p>
      </footer>
    </div>
  )
}
