/** Keeps the page and the screen awake while files are being sent. */
import { useEffect, useState } from 'preact/hooks'

export function useLeaveGuard(isSending: boolean): void {
  useEffect(() => {
    if (!isSending) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isSending])
}

export function useWakeLock(isSending: boolean): void {
  useEffect(() => {
    if (!isSending || !('wakeLock' in navigator)) return
    let lock: WakeLockSentinel | undefined
    let isOver = false
    const take = async () => {
      if (document.visibilityState !== 'visible') return
      try {
        lock = await navigator.wakeLock.request('screen')
        if (isOver) await lock.release()
      } catch {
        // Refused on low battery: sending goes on while the screen stays on.
      }
    }
    void take()
    // Browsers release the lock whenever the page is hidden.
    document.addEventListener('visibilitychange', take)
    return () => {
      isOver = true
      document.removeEventListener('visibilitychange', take)
      void lock?.release()
    }
  }, [isSending])
}

/** A connection that broke without the device noticing is tried again by itself. */
const TRY_AGAIN_MS = 20_000

export function useEverySoOften(isNeeded: boolean, tryAgain: () => void): void {
  useEffect(() => {
    if (!isNeeded) return
    const timer = setInterval(tryAgain, TRY_AGAIN_MS)
    return () => clearInterval(timer)
  }, [isNeeded, tryAgain])
}

/** The longest that a timer takes: about 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** True once the moment is past, also when it passes while the page is open. */
export function useIsPast(momentMs: number): boolean {
  const [nowMs, setNowMs] = useState(Date.now)
  useEffect(() => {
    if (momentMs <= nowMs) return
    const waitMs = Math.min(momentMs - nowMs, LONGEST_TIMER_MS)
    const timer = setTimeout(() => setNowMs(Date.now()), waitMs)
    return () => clearTimeout(timer)
  }, [momentMs, nowMs])
  return momentMs <= nowMs
}

export function useIsOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine)
  useEffect(() => {
    const look = () => setOnline(navigator.onLine)
    addEventListener('online', look)
    addEventListener('offline', look)
    return () => {
      removeEventListener('online', look)
      removeEventListener('offline', look)
    }
  }, [])
  return isOnline
}
