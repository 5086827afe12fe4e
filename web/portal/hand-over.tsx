import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import {
  type ClientField,
  ClientFields,
  checkClient,
  type FieldErrors,
  readClient,
} from './client-fields.tsx'
import { DropZone } from './drop-zone.tsx'
import { FileList } from './file-list.tsx'
import { LiveStatus } from './live-status.tsx'
import type { Messages } from './messages.ts'
import { Notice } from './notice.tsx'
import { situationOf } from './situation.ts'
import { Summary } from './summary.tsx'
import type { ChosenFile, ClientDetails } from './upload/upload-item.ts'
import type { Uploader } from './upload/uploader.ts'
import { useEverySoOften, useIsOnline, useLeaveGuard, useWakeLock } from './use-guards.ts'
import { useUploader } from './use-uploader.ts'

interface HandOverProps {
  portal: OpenPortalReply
  uploader: Uploader
  messages: Messages
}

const NOTHING_CHOSEN_ID = 'nothing-chosen'

export function HandOver({ portal, uploader, messages }: HandOverProps) {
  useUploader(uploader)
  const form = useRef<HTMLFormElement>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  const [client, setClient] = useState<ClientDetails>({})
  const [missed, setMissed] = useState<FieldErrors>({})
  const [isNothingChosen, setNothingChosen] = useState(false)
  const [note, setNote] = useNote()

  const { totals, fieldProblems } = uploader
  const { byPhase } = totals
  const isOnline = useIsOnline()
  const situation = situationOf(uploader, totals, isOnline)
  const isCollecting = situation === 'collecting'
  const isUnsent = byPhase.waiting + byPhase.sending + byPhase.finishing > 0
  useLeaveGuard(isUnsent && !isCollecting)
  useWakeLock(situation === 'sending')
  useEverySoOften(
    isOnline && uploader.obstacle?.kind === 'NETWORK',
    useCallback(() => uploader.resume(), [uploader]),
  )
  useTitle(
    situation === 'sending'
      ? `${messages.percent(totals.fraction)} – ${portal.name}`
      : messages.pageTitle(portal.name),
  )

  const refused: FieldErrors = {}
  for (const { field, message } of fieldProblems) {
    refused[field as ClientField] = messages.serverSays(message)
  }
  const errors = Object.keys(missed).length > 0 ? missed : refused
  const [firstRefused] = fieldProblems
  useEffect(() => {
    if (firstRefused) document.getElementById(firstRefused.field)?.focus()
  }, [firstRefused])

  // The button that was pressed is gone: what happens next is said where the focus goes.
  const hasStarted = !isCollecting
  useWhenBecoming(hasStarted, () => heading.current?.focus())
  // The same when the list is emptied.
  useWhenBecoming(totals.files === 0, () =>
    form.current?.querySelector<HTMLElement>('.zone-button')?.focus(),
  )

  const addFiles = useCallback(
    (files: ChosenFile[]) => {
      const { added, resumed, repeated } = uploader.add(files)
      setNothingChosen(false)
      setNote(
        [
          added > 0 ? messages.added(added) : '',
          resumed > 0 ? messages.resumed(resumed) : '',
          repeated > 0 ? messages.repeated(repeated) : '',
        ]
          .filter((part) => part !== '')
          .join(' '),
      )
    },
    [uploader, messages, setNote],
  )

  const sayUnreadable = useCallback(() => setNote(messages.dropUnreadable), [messages, setNote])

  const send = (event: Event) => {
    event.preventDefault()
    if (!form.current) return
    const given = readClient(form.current)
    const found = checkClient(given, portal.fields, messages)
    setClient(given)
    setMissed(found)
    setNothingChosen(byPhase.waiting === 0)
    const [firstWrong] = Object.keys(found)
    if (byPhase.waiting === 0) form.current.querySelector<HTMLElement>('.zone-button')?.focus()
    else if (firstWrong) document.getElementById(firstWrong)?.focus()
    else uploader.start(given)
  }

  if (!portal.acceptsUploads && totals.files === 0) {
    return portal.reason === 'closed' ? (
      <Notice icon="closed" title={messages.closedTitle} text={messages.closedText} />
    ) : (
      <Notice icon="pause" title={messages.pausedTitle} text={messages.pausedText} />
    )
  }

  return (
    <>
      <header class="title">
        <p class="eyebrow">{messages.eyebrow}</p>
        <h1>
          <bdi>{portal.name}</bdi>
        </h1>
        <p class="lead">{messages.lead}</p>
      </header>

      {hasStarted && situation !== 'empty' && (
        <Summary
          situation={situation}
          totals={totals}
          uploader={uploader}
          portalName={portal.name}
          messages={messages}
          headingRef={heading}
        />
      )}

      <form ref={form} noValidate onSubmit={send}>
        {portal.acceptsUploads && (
          <DropZone
            messages={messages}
            isCompact={totals.files > 0 && situation !== 'unfinished'}
            describedBy={isNothingChosen ? NOTHING_CHOSEN_ID : undefined}
            onFiles={addFiles}
            onUnreadable={sayUnreadable}
          />
        )}
        {isNothingChosen && (
          <p class="field-error" id={NOTHING_CHOSEN_ID}>
            {messages.nothingChosen}
          </p>
        )}
        <LiveStatus
          situation={situation}
          uploader={uploader}
          portalName={portal.name}
          messages={messages}
          note={note}
        />
        {isCollecting && portal.acceptsUploads && (
          <>
            <ClientFields
              rules={portal.fields}
              client={client}
              errors={errors}
              messages={messages}
            />
            <div class="send-bar">
              <p>{byPhase.waiting > 0 && messages.chosen(byPhase.waiting, totals.totalBytes)}</p>
              <button type="submit" class="button primary large">
                {messages.send(byPhase.waiting)}
              </button>
            </div>
          </>
        )}
      </form>

      {totals.files > 0 && <FileList uploader={uploader} messages={messages} />}
    </>
  )
}

/** Acts when the answer changes to yes, not when it is yes from the beginning. */
function useWhenBecoming(isSo: boolean, act: () => void): void {
  const wasSo = useRef(isSo)
  useEffect(() => {
    if (isSo && !wasSo.current) act()
    wasSo.current = isSo
  })
}

/** Long enough to be read, then it is yesterday's news. */
const NOTE_MS = 8_000

function useNote(): [string, (note: string) => void] {
  const [note, setNote] = useState('')
  useEffect(() => {
    if (note === '') return
    const timer = setTimeout(() => setNote(''), NOTE_MS)
    return () => clearTimeout(timer)
  }, [note])
  return [note, setNote]
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}
