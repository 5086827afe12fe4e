import { useEffect, useState } from 'preact/hooks'
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import type { Messages } from './messages.ts'
import type { Situation } from './situation.ts'
import type { Uploader } from './upload/uploader.ts'
import { wordsOf } from './words-of.ts'

/** Screen readers hear the progress this often, and every change of the whole at once. */
const PROGRESS_EVERY_MS = 15_000

interface LiveStatusProps {
  situation: Situation
  uploader: Uploader
  portal: OpenPortalReply
  messages: Messages
  /** What just happened to the choice of files. */
  note: string
}

export function LiveStatus({ situation, uploader, portal, messages, note }: LiveStatusProps) {
  const [progress, setProgress] = useState('')
  const isSending = situation === 'sending'
  useEffect(() => {
    if (!isSending) return
    const timer = setInterval(() => {
      const { totals } = uploader
      setProgress(messages.announceProgress(totals.fraction, totals.remainingMs))
    }, PROGRESS_EVERY_MS)
    return () => {
      clearInterval(timer)
      setProgress('')
    }
  }, [isSending, uploader, messages])

  const { totals } = uploader
  const words = wordsOf({ situation, totals, uploader, portal, messages })
  const hasWords = situation !== 'collecting' && situation !== 'empty' && !isSending
  return (
    <>
      <p class="visually-hidden" role="status">
        {hasWords ? `${words.title}. ${words.text}` : progress}
      </p>
      <p class="note" role="status">
        {note}
      </p>
    </>
  )
}
