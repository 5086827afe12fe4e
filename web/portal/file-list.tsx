import { useEffect, useRef, useState } from 'preact/hooks'
import { FileRow } from './file-row.tsx'
import type { Messages } from './messages.ts'
import type { FileLimits } from './upload/add-chosen.ts'
import type { UploadItem } from './upload/upload-item.ts'
import type { Uploader } from './upload/uploader.ts'

/** Up to here every row is in the page; beyond it only those that can be seen. */
const WHOLE_LIST_MAX = 200
/** Height of a row of a long list, as in portal.css. */
const ROW_REM = 4.5
const OVERSCAN_ROWS = 12
/** The range moves in steps, so that scrolling seldom renders. */
const STEP_ROWS = 6

interface FileListProps {
  uploader: Uploader
  messages: Messages
  limits: FileLimits
}

export function FileList({ uploader, messages, limits }: FileListProps) {
  const { items } = uploader
  const isLong = items.length > WHOLE_LIST_MAX
  const list = useRef<HTMLUListElement>(null)
  const { from, to } = useVisibleRange(list, items.length, isLong)
  const shown = items.slice(from, to)
  return (
    <section class="card list" aria-labelledby="list-title">
      <header>
        <h2 id="list-title">{messages.listTitle}</h2>
        <p>{messages.listCount(items.length)}</p>
      </header>
      <ul
        ref={list}
        class={isLong ? 'long' : ''}
        style={
          isLong
            ? {
                paddingTop: `${from * ROW_REM}rem`,
                paddingBottom: `${(items.length - to) * ROW_REM}rem`,
              }
            : {}
        }
      >
        {shown.map((item: UploadItem, index) => (
          <FileRow
            key={item.key}
            item={item}
            uploader={uploader}
            messages={messages}
            limits={limits}
            position={isLong ? { of: items.length, at: from + index + 1 } : undefined}
          />
        ))}
      </ul>
    </section>
  )
}

function useVisibleRange(
  list: { current: HTMLElement | null },
  count: number,
  isLong: boolean,
): { from: number; to: number } {
  const [range, setRange] = useState({ from: 0, to: 2 * OVERSCAN_ROWS })
  useEffect(() => {
    if (!isLong) return
    const look = () => {
      if (!list.current) return
      const rowPx = ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
      const firstSeen = Math.floor(-list.current.getBoundingClientRect().top / rowPx)
      const step = Math.floor((firstSeen - OVERSCAN_ROWS) / STEP_ROWS) * STEP_ROWS
      const from = Math.min(Math.max(0, step), Math.max(0, count - 1))
      const seenRows = Math.ceil(innerHeight / rowPx)
      const to = Math.min(count, from + seenRows + 2 * OVERSCAN_ROWS + STEP_ROWS)
      setRange((old) => (old.from === from && old.to === to ? old : { from, to }))
    }
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [list, count, isLong])
  return isLong ? { from: range.from, to: Math.min(range.to, count) } : { from: 0, to: count }
}
