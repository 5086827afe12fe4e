/** Keeps the page and the screen awake while files are being sent. */
import { useEffect } from 'preact/hooks'

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

/** Tries again by itself when the network is back. */
export function useOnline(isNeeded: boolean, onOnline: () => void): void {
  useEffect(() => {
    if (!isNeeded) return
    addEventListener('online', onOnline)
    return () => removeEventListener('online', onOnline)
  }, [isNeeded, onOnline])
}
