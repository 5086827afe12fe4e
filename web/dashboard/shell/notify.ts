import type { NotificationData } from '@mantine/notifications'
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let hasMessages = false

/** Shows a message at the edge of the page for a while. What shows it is loaded with the first one. */
export function notify(message: Pick<NotificationData, 'title' | 'message' | 'color'>): void {
  hasMessages = true
  for (const listener of listeners) listener()
  void import('@mantine/notifications').then(({ notifications }) => notifications.show(message))
}

/** Whether there has been a message yet. */
export function useHasMessages(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => hasMessages,
  )
}
