import { useEffect, useRef, useState } from 'preact/hooks'
import { filesOfInput, filesOfTransfer } from './choose-files.ts'
import { Icon } from './icon.tsx'
import type { Messages } from './messages.ts'
import type { ChosenFile } from './upload/upload-item.ts'

interface DropZoneProps {
  messages: Messages
  /** One line instead of the large invitation, once there are files. */
  isCompact: boolean
  /** As the `accept` attribute spells them; empty for all. */
  allowedTypes: readonly string[]
  /** Ids of what is taken, and of what is wrong with the choice. */
  describedBy: string | undefined
  onFiles: (files: ChosenFile[]) => void
  /** What was dropped or pasted cannot be read. */
  onUnreadable: () => void
}

/** Telephones may not. */
const CAN_CHOOSE_FOLDERS = 'webkitdirectory' in HTMLInputElement.prototype

export function DropZone({
  messages,
  isCompact,
  allowedTypes,
  describedBy,
  onFiles,
  onUnreadable,
}: DropZoneProps) {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const isDragging = useFilesFromAnywhere(onFiles, onUnreadable)
  useEffect(() => {
    // Preact's types do not know the attribute.
    if (folder.current) folder.current.webkitdirectory = true
  }, [])

  const take = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    if (input.files) onFiles(filesOfInput(input.files))
    // The same file may be chosen again, after it was cancelled for example.
    input.value = ''
  }

  return (
    <div class={`zone ${isCompact ? 'compact' : ''} ${isDragging ? 'dragging' : ''}`}>
      <button
        type="button"
        class="zone-button"
        aria-describedby={describedBy}
        onClick={() => files.current?.click()}
      >
        <span class="medallion">
          <Icon name="upload" />
        </span>
        <span class="zone-words">
          <span class="zone-call">
            {isDragging ? messages.dropHere : isCompact ? messages.addFiles : messages.chooseFiles}
          </span>
          <span class="zone-hint">{messages.chooseFilesHint}</span>
        </span>
      </button>
      {CAN_CHOOSE_FOLDERS && (
        <button
          type="button"
          class="zone-folder"
          aria-describedby={describedBy}
          onClick={() => folder.current?.click()}
        >
          <Icon name="folder" />
          {messages.chooseFolder}
        </button>
      )}
      <input
        ref={files}
        type="file"
        id="choose-files"
        multiple
        hidden
        accept={allowedTypes.length === 0 ? undefined : allowedTypes.join(',')}
        onChange={take}
      />
      <input ref={folder} type="file" id="choose-folder" hidden onChange={take} />
    </div>
  )
}

/** The whole page takes what is dropped or pasted; true while files hover over it. */
function useFilesFromAnywhere(
  onFiles: DropZoneProps['onFiles'],
  onUnreadable: DropZoneProps['onUnreadable'],
): boolean {
  const [isDragging, setDragging] = useState(false)
  useEffect(() => {
    let hideTimer: ReturnType<typeof setTimeout> | undefined
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setDragging(true)
      // Browsers tell of leaving unreliably, but of hovering several times a second.
      clearTimeout(hideTimer)
      hideTimer = setTimeout(() => setDragging(false), 400)
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return
      event.preventDefault()
      setDragging(false)
      filesOfTransfer(event.dataTransfer).then(onFiles, onUnreadable)
    }
    const paste = (event: ClipboardEvent) => {
      if (!event.clipboardData?.files.length) return
      event.preventDefault()
      filesOfTransfer(event.clipboardData).then(onFiles, onUnreadable)
    }
    addEventListener('dragover', over)
    addEventListener('drop', drop)
    addEventListener('paste', paste)
    return () => {
      clearTimeout(hideTimer)
      removeEventListener('dragover', over)
      removeEventListener('drop', drop)
      removeEventListener('paste', paste)
    }
  }, [onFiles, onUnreadable])
  return isDragging
}
