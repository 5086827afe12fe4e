import { useEffect, useReducer } from 'preact/hooks'
import type { Uploader } from './upload/uploader.ts'

/** Often enough to look alive, seldom enough for ten thousand files. */
const RENDER_EVERY_MS = 200

/** Renders again when the uploader changes. */
export function useUploader(uploader: Uploader): void {
  const [, renderAgain] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let lastAt = 0
    const schedule = () => {
      if (timer !== undefined) return
      const waitMs = Math.max(0, lastAt + RENDER_EVERY_MS - performance.now())
      timer = setTimeout(() => {
        timer = undefined
        lastAt = performance.now()
        renderAgain(undefined)
      }, waitMs)
    }
    schedule()
    const stop = uploader.subscribe(schedule)
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [uploader])
}
