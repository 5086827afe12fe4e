import { Icon } from './icon.tsx'
import type { IconName } from './icon-paths.ts'
import type { Messages } from './messages.ts'
import type { FileLimits } from './upload/add-chosen.ts'
import { canRetry, isReceived, type Phase, type UploadItem } from './upload/upload-item.ts'
import type { Uploader } from './upload/uploader.ts'

const ICONS: Record<Phase, IconName> = {
  waiting: 'file',
  sending: 'upload',
  finishing: 'upload',
  received: 'check',
  held: 'clock',
  delivered: 'check',
  refused: 'alert',
  failed: 'alert',
  missing: 'alert',
}

interface FileRowProps {
  item: UploadItem
  uploader: Uploader
  messages: Messages
  limits: FileLimits
  /** Told to screen readers when not every row is in the page. */
  position: { of: number; at: number } | undefined
}

/** Names are text and nothing else, whatever they hold. */
export function FileRow({ item, uploader, messages, limits, position }: FileRowProps) {
  const { key, name, phase, size, sentBytes } = item
  const folder = item.relativePath.slice(0, -name.length)
  const status = phaseWords(item, uploader, messages, limits)
  return (
    <li
      class={`row ${phase}`}
      {...(position ? { 'aria-setsize': position.of, 'aria-posinset': position.at } : {})}
    >
      <span class="badge">
        <Icon name={ICONS[phase]} />
      </span>
      <div class="row-text">
        <p class="row-name" title={folder + name}>
          {folder !== '' && <bdi class="row-folder">{folder}</bdi>}
          <bdi>{name}</bdi>
        </p>
        <p class="row-status">
          <span>{messages.fileSize(size)}</span>
          {status !== '' && <span class="row-state">{status}</span>}
        </p>
        {phase === 'sending' && size > 0 && (
          <progress max={size} value={sentBytes} aria-label={messages.fileProgress(name)} />
        )}
      </div>
      {canRetry(item) && phase === 'failed' && (
        <button
          type="button"
          class="row-button"
          aria-label={messages.retryFile(name)}
          onClick={(event) => {
            focusBeside(event.currentTarget)
            uploader.retry(key)
          }}
        >
          <Icon name="retry" />
        </button>
      )}
      {!isReceived(phase) && phase !== 'refused' && phase !== 'finishing' && (
        <button
          type="button"
          class="row-button"
          aria-label={phase === 'sending' ? messages.cancelFile(name) : messages.removeFile(name)}
          onClick={(event) => {
            focusBeside(event.currentTarget)
            uploader.cancel(key)
          }}
        >
          <Icon name="close" />
        </button>
      )}
    </li>
  )
}

/** The button that was pressed goes away: the keyboard goes on at the nearest one that stays. */
function focusBeside(pressed: HTMLElement): void {
  const row = pressed.closest('li')
  const rows = [row?.nextElementSibling, row?.previousElementSibling]
  const inRows = rows.map((other) => other?.querySelector('button:last-of-type'))
  const beside = [pressed.nextElementSibling, ...inRows]
  beside.find((button) => button instanceof HTMLElement)?.focus()
}

function phaseWords(
  item: UploadItem,
  uploader: Uploader,
  messages: Messages,
  limits: FileLimits,
): string {
  switch (item.phase) {
    case 'waiting':
      if (uploader.state === 'collecting') return ''
      return uploader.state === 'paused' ? messages.paused : messages.waiting
    case 'sending':
      return messages.percent(item.size === 0 ? 0 : item.sentBytes / item.size)
    case 'finishing':
      return messages.finishing
    case 'received':
      return messages.received
    case 'held':
      return messages.held
    case 'delivered':
      return messages.delivered(item.destination)
    case 'refused':
      return messages.refused
    case 'missing':
      return messages.missing
    case 'failed':
      return failureWords(item, messages, limits)
  }
}

function failureWords({ failure }: UploadItem, messages: Messages, limits: FileLimits): string {
  switch (failure?.reason) {
    case 'TOO_LARGE':
      return messages.tooLarge(limits.maxFileBytes)
    case 'WRONG_TYPE':
      return messages.wrongType(limits.allowedTypes)
    case 'BAD_NAME':
      return messages.badName
    case 'UNREADABLE':
      return messages.unreadable
    case 'REFUSED':
      return messages.notSent(failure.detail ?? '')
    case 'CLOSED':
    case undefined:
      return messages.uploadClosed
  }
}
