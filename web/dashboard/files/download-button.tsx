import { Button } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { explainProblem } from '../api/explain-problem.ts'
import { DownloadIcon } from '../shell/icons.tsx'
import { notify } from '../shell/notify.ts'
import { downloadFile } from './download-file.ts'
import { browserDownload } from './save-in-browser.ts'

type Phase = 'idle' | 'asking' | 'preparing'

const WORDS: Record<Phase, string> = {
  idle: 'Download',
  asking: 'Starting…',
  preparing: 'Preparing…',
}

export function DownloadButton({ upload }: { upload: { id: string; fileName: string } }) {
  const [phase, setPhase] = useState<Phase>('idle')
  const running = useRef<AbortController>(undefined)
  useEffect(() => () => running.current?.abort(), [])

  const start = async () => {
    if (phase !== 'idle') return
    const controller = new AbortController()
    running.current = controller
    setPhase('asking')
    try {
      await downloadFile(browserDownload, upload, controller.signal, () => setPhase('preparing'))
    } catch (error) {
      if (controller.signal.aborted) return
      const { title, detail } = explainProblem(error)
      notify({ title, message: `${upload.fileName}: ${detail}`, color: 'danger' })
    }
    setPhase('idle')
  }

  return (
    <Button
      size="xs"
      variant="default"
      // Not `disabled`: that would throw the keyboard's focus away.
      aria-disabled={phase !== 'idle'}
      onClick={() => void start()}
      leftSection={<DownloadIcon />}
    >
      <span aria-live="polite">{WORDS[phase]}</span>
      <span className="visually-hidden"> {upload.fileName}</span>
    </Button>
  )
}
