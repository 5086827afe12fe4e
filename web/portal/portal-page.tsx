import type { ComponentChildren, RefObject } from 'preact'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { ApiProblem } from '../common/api-problem.ts'
import { createUploader, visitPortal } from './browser.ts'
import { HandOver } from './hand-over.tsx'
import { Icon } from './icon.tsx'
import { Locked } from './locked.tsx'
import type { Messages } from './messages.ts'
import { Notice } from './notice.tsx'
import { isOpen, type PortalVisit } from './portal-visit.ts'
import { NetworkError } from './upload/http.ts'
import type { Uploader } from './upload/uploader.ts'

interface PortalPageProps {
  slug: string
  messages: Messages
}

type View =
  | { kind: 'loading' }
  | { kind: 'not-found' }
  | { kind: 'failed' }
  /** Too many links that lead nowhere were tried. */
  | { kind: 'wait'; waitMs: number; untilMs: number }
  | { kind: 'locked'; portalName: string }
  | { kind: 'portal'; portal: OpenPortalReply; uploader: Uploader }

export function PortalPage({ slug, messages }: PortalPageProps) {
  const visit = useMemo(() => visitPortal(slug), [slug])
  const main = useRef<HTMLElement>(null)
  const [view, setView] = useState<View>({ kind: 'loading' })
  const [attempt, setAttempt] = useState(1)

  // biome-ignore lint/correctness/useExhaustiveDependencies: trying again is a new attempt at the same portal
  useEffect(() => {
    let isCurrent = true
    void loadPortal(visit).then((loaded) => {
      if (isCurrent) setView(loaded)
    })
    return () => {
      isCurrent = false
    }
  }, [visit, attempt])

  const tryAgain = () => {
    setView({ kind: 'loading' })
    setAttempt(attempt + 1)
  }

  const lookAgain = useCallback(async () => {
    const portal = await lookUnlessBroken(visit)
    if (portal) setView((old) => (old.kind === 'portal' ? { ...old, portal } : old))
  }, [visit])

  // The password form is gone: the keyboard and the screen reader go on at what took its place.
  const wasLocked = useRef(false)
  useEffect(() => {
    if (wasLocked.current && view.kind !== 'locked') {
      main.current?.querySelector<HTMLElement>('h1')?.focus()
    }
    wasLocked.current = view.kind === 'locked'
  }, [view.kind])

  switch (view.kind) {
    case 'loading':
      return (
        <Frame messages={messages} mainRef={main}>
          <p class="loading" role="status">
            {messages.loading}
          </p>
        </Frame>
      )
    case 'not-found':
      return (
        <Frame messages={messages} mainRef={main}>
          <Notice icon="lost" title={messages.notFoundTitle} text={messages.notFoundText} />
        </Frame>
      )
    case 'failed':
      return (
        <Frame messages={messages} mainRef={main}>
          <Notice icon="alert" title={messages.loadFailedTitle} text={messages.loadFailedText}>
            <TryAgain messages={messages} onClick={tryAgain} />
          </Notice>
        </Frame>
      )
    case 'wait':
      return (
        <Frame messages={messages} mainRef={main}>
          <Notice
            icon="clock"
            title={messages.waitTitle}
            text={messages.waitText(view.waitMs, view.untilMs)}
          >
            <TryAgain messages={messages} onClick={tryAgain} />
          </Notice>
        </Frame>
      )
    case 'locked':
      return (
        <Frame messages={messages} mainRef={main}>
          <Locked
            visit={visit}
            portalName={view.portalName}
            messages={messages}
            onUnlocked={() => setAttempt(attempt + 1)}
          />
        </Frame>
      )
    case 'portal':
      return (
        <Frame messages={messages} mainRef={main}>
          <HandOver
            visit={visit}
            portal={view.portal}
            uploader={view.uploader}
            messages={messages}
            onStale={lookAgain}
          />
        </Frame>
      )
  }
}

async function loadPortal(visit: PortalVisit): Promise<View> {
  try {
    const portal = await visit.look()
    if (!isOpen(portal)) return { kind: 'locked', portalName: portal.name }
    const uploader = await createUploader(visit, portal)
    void uploader.restore()
    return { kind: 'portal', portal, uploader }
  } catch (error) {
    // Whatever went wrong, the reader can do one thing: try again.
    if (!(error instanceof ApiProblem)) return { kind: 'failed' }
    if (error.status === 404) return { kind: 'not-found' }
    const { retryAfterMs: waitMs } = error
    if (error.status !== 429 || waitMs === undefined) return { kind: 'failed' }
    return { kind: 'wait', waitMs, untilMs: Date.now() + waitMs }
  }
}

async function lookUnlessBroken(visit: PortalVisit): Promise<OpenPortalReply | undefined> {
  try {
    const portal = await visit.look()
    return isOpen(portal) ? portal : undefined
  } catch (error) {
    // What the page knew stays; the refusal that made it ask is told in any case.
    if (error instanceof ApiProblem || error instanceof NetworkError) return undefined
    throw error
  }
}

function TryAgain({ messages, onClick }: { messages: Messages; onClick: () => void }) {
  return (
    <button type="button" class="button primary" onClick={onClick}>
      {messages.tryAgain}
    </button>
  )
}

interface FrameProps {
  messages: Messages
  mainRef: RefObject<HTMLElement>
  children: ComponentChildren
}

function Frame({ messages, mainRef, children }: FrameProps) {
  return (
    <div class="page">
      <main ref={mainRef}>{children}</main>
      <footer>
        <Icon name="canoe" />
        <p>{messages.footer}</p>
      </footer>
    </div>
  )
}
