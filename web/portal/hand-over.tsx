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
import { fileRules } from './file-rules.ts'
import { LiveStatus } from './live-status.tsx'
import type { Messages } from './messages.ts'
import { Notice } from './notice.tsx'
import { PortalHead } from './portal-head.tsx'
import type { PortalVisit } from './portal-visit.ts'
import { situationOf } from './situation.ts'
import { Summary } from './summary.tsx'
import type { ChosenFile, ClientDetails } from './upload/upload-item.ts'
import type { Uploader } from './upload/uploader.ts'
import { useEverySoOften, useIsOnline, useLeaveGuard, useWakeLock } from './use-guards.ts'
import { useUploader } from './use-uploader.ts'
import { whyClosed } from './why-closed.ts'

interface HandOverProps {
  visit: PortalVisit
  portal: OpenPortalReply
  uploader: Uploader
  messages: Messages
  /** The server says otherwise than the page knew: it is asked how the portal is now. */
  onStale: () => Promise<void>
}

const RULES_ID = 'file-rules'
const NOTHING_CHOSEN_ID = 'nothing-chosen'

export function HandOver({ visit, portal, uploader, messages, onStale }: HandOverProps) {
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
    if (!firstRefused) return
    const focusField = () => {
      const field = document.getElementById(firstRefused.field)
      field?.focus()
      return field !== null
    }
    // A field that is not in the page came with new settings.
    const isThere = focusField()
    void onStale().then(() => isThere || focusField())
  }, [firstRefused, onStale])
  const isRefused = uploader.obstacle?.kind === 'PORTAL_CLOSED'
  useEffect(() => {
    if (isRefused) void onStale()
  }, [isRefused, onStale])

  // The button that was pressed is gone: what happens next is said where the focus goes.
  const hasStarted = !isCollecting
  useWhenBecoming(hasStarted, () => heading.current?.focus())
  // The same when the list is emptied.
  useWhenBecoming(totals.files === 0, () =>
    form.current?.querySelector<HTMLElement>('.zone-button')?.focus(),
  )

  const addFiles = useCallback(
    (files: ChosenFile[]) => {
      const { added, resumed, repeated, refused } = uploader.add(files)
      setNothingChosen(false)
      setNote(
        [
          added > 0 ? messages.added(added) : '',
          resumed > 0 ? messages.resumed(resumed) : '',
          repeated > 0 ? messages.repeated(repeated) : '',
          refused > 0 ? messages.notAdded(refused) : '',
        ]
          .filter((part) => part !== '')
          .join(' '),
      )
    },
    [uploader, messages, setNote],
  )

  const sayUnreadable = useCallback(() => setNote(messages.dropUnreadable), [messages, setNote])

  const goOn = () => {
    heading.current?.focus()
    uploader.resume()
    void onStale()
  }

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
    return <Notice portalName={portal.name} {...whyClosed(portal, messages)} />
  }
  // What is announced already is still taken.
  const mayChoose = portal.acceptsUploads || byPhase.missing > 0
  const rules = fileRules(portal, messages)
  const describedBy = [rules === '' ? '' : RULES_ID, isNothingChosen ? NOTHING_CHOSEN_ID : '']

  return (
    <>
      <PortalHead portal={portal} messages={messages} situation={situation} />

      {hasStarted && situation !== 'empty' && (
        <Summary
          situation={situation}
          totals={totals}
          uploader={uploader}
          visit={visit}
          portal={portal}
          messages={messages}
          headingRef={heading}
          onUnlocked={goOn}
        />
      )}

      <form ref={form} noValidate onSubmit={send}>
        {mayChoose && rules !== '' && (
          <p class="rules" id={RULES_ID}>
            {rules}
          </p>
        )}
        {mayChoose && (
          <DropZone
            messages={messages}
            isCompact={totals.files > 0 && situation !== 'unfinished'}
            allowedTypes={portal.limits.allowedTypes}
            describedBy={describedBy.join(' ').trim() || undefined}
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
          portal={portal}
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

      {totals.files > 0 && (
        <FileList uploader={uploader} messages={messages} limits={portal.limits} />
      )}
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
