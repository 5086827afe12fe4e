import { useEffect, useState } from 'react'

/** When what it is called in goes away, the focus goes back to what it came from, or to the content. */
export function useReturnFocus(): void {
  const [opener] = useState(() => document.activeElement)
  useEffect(
    () => () => {
      // The dialog lets go of the focus only after this.
      setTimeout(() => {
        const target = opener?.isConnected ? opener : document.getElementById('content')
        if (target instanceof HTMLElement) target.focus({ preventScroll: true })
      })
    },
    [opener],
  )
}
