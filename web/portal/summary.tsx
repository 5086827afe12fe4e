import type { ComponentChildren, RefObject } from 'preact'
import { useRef } from 'preact/hooks'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import { Icon } from './icon.tsx'
import type { Messages } from './messages.ts'
import { PasswordForm } from './password-form.tsx'
import type { PortalVisit } from './portal-visit.ts'
import type { Situation } from './situation.ts'
import type { Totals } from './upload/progress.ts'
import { canRetry } from './upload/upload-item.ts'
import type { Uploader } from './upload/uploader.ts'
import { wordsOf } from './words-of.ts'

interface SummaryProps {
  situation: Situation
  totals: Totals
  uploader: Uploader
  visit: PortalVisit
  portal: OpenPortalReply
  messages: Messages
  headingRef: RefObject<HTMLHeadingElement>
  /** The password was asked for again, and was right. */
  onUnlocked: () => void
}

/** One card that says how all files are, and what can be done about it. */
export function Summary(props: SummaryProps) {
  const { situation, uploader, visit, messages, onUnlocked } = props
  const { icon, tone, title, text } = wordsOf(props)
  return (
    <section class={`card summary ${tone}`} aria-labelledby="summary-title">
      <div class="summary-head">
        <span class="medallion">
          <Icon name={icon} />
        </span>
        <div>
          <h2 id="summary-title" tabIndex={-1} ref={props.headingRef}>
            {title}
          </h2>
          {text !== '' && <p>{text}</p>}
        </div>
      </div>
      {isMoving(situation) && <Progress {...props} />}
      {uploader.obstacle?.kind === 'PASSWORD' && (
        <PasswordForm visit={visit} messages={messages} onUnlocked={onUnlocked} />
      )}
      <Actions situation={situation} uploader={uploader} messages={messages} />
    </section>
  )
}

function isMoving(situation: Situation): boolean {
  return ['sending', 'offline', 'finishing', 'paused', 'obstructed'].includes(situation)
}

function Progress({ totals, messages }: SummaryProps) {
  const { byPhase, sentBytes, totalBytes, bytesPerSecond, fraction, remainingMs } = totals
  const done = byPhase.received + byPhase.held + byPhase.delivered
  const all = done + byPhase.waiting + byPhase.sending + byPhase.finishing
  const facts = [
    messages.progress(sentBytes, totalBytes),
    ...(all > 1 ? [messages.filesDone(done, all)] : []),
    ...(bytesPerSecond > 0 && remainingMs !== undefined ? [messages.speed(bytesPerSecond)] : []),
    ...(remainingMs !== undefined && remainingMs > 0 ? [messages.remaining(remainingMs)] : []),
  ]
  return (
    <div class="summary-progress">
      <progress max={1} value={fraction} aria-label={messages.progressLabel} />
      <p class="facts">
        <strong>{messages.percent(fraction)}</strong>
        <span>{facts.join(' · ')}</span>
      </p>
    </div>
  )
}

function Actions({
  situation,
  uploader,
  messages,
}: Pick<SummaryProps, 'situation' | 'uploader' | 'messages'>) {
  switch (situation) {
    case 'sending':
    case 'offline':
      return (
        <p class="actions">
          <Button onClick={() => uploader.pause()}>{messages.pause}</Button>
          <CancelAll uploader={uploader} messages={messages} />
        </p>
      )
    case 'paused':
    case 'obstructed':
      return (
        <p class="actions">
          {uploader.obstacle?.kind !== 'PASSWORD' && (
            <Button isPrimary onClick={() => uploader.resume()}>
              {situation === 'paused' ? messages.resume : messages.tryAgain}
            </Button>
          )}
          <CancelAll uploader={uploader} messages={messages} />
        </p>
      )
    case 'failed':
      if (!uploader.items.some(canRetry)) return null
      return (
        <p class="actions">
          <Button isPrimary onClick={() => uploader.retryAll()}>
            {messages.retryAll}
          </Button>
        </p>
      )
    case 'delivered':
    case 'refused':
      return (
        <p class="actions">
          <Button onClick={() => uploader.startOver()}>{messages.startOver}</Button>
        </p>
      )
    case 'unfinished':
      return (
        <p class="actions">
          <Button onClick={() => uploader.forgetMissing()}>{messages.forgetMissing}</Button>
        </p>
      )
    case 'collecting':
    case 'finishing':
    case 'received':
    case 'held':
    case 'empty':
      return null
  }
}

function CancelAll({ uploader, messages }: Pick<SummaryProps, 'uploader' | 'messages'>) {
  const dialog = useRef<HTMLDialogElement>(null)
  return (
    <>
      <Button onClick={() => dialog.current?.showModal()}>{messages.cancelAll}</Button>
      <dialog ref={dialog} class="card" aria-labelledby="cancel-title">
        <form method="dialog">
          <h2 id="cancel-title">{messages.cancelAllTitle}</h2>
          <p>{messages.cancelAllText}</p>
          <p class="actions">
            <button type="submit" class="button">
              {messages.cancelAllNo}
            </button>
            <button type="submit" class="button danger" onClick={() => uploader.cancelAll()}>
              {messages.cancelAllYes}
            </button>
          </p>
        </form>
      </dialog>
    </>
  )
}

interface ButtonProps {
  onClick: () => void
  isPrimary?: boolean
  children: ComponentChildren
}

function Button({ onClick, isPrimary = false, children }: ButtonProps) {
  return (
    <button type="button" class={`button ${isPrimary ? 'primary' : ''}`} onClick={onClick}>
      {children}
    </button>
  )
}
