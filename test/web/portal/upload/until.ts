/** Where the files of an uploader are, and waiting until they are somewhere else. */
import { isReceived } from '../../../../web/portal/upload/upload-item.ts'
import type { Uploader } from '../../../../web/portal/upload/uploader.ts'

export function phases(uploader: { items: readonly { phase: string }[] }): string[] {
  return uploader.items.map((item) => item.phase)
}

/** Real time, for machines that have much else to do. */
const NEVER_MS = 15_000

/** Resolves when the uploader's state answers yes; fails the test when it never does. */
export async function until(uploader: Uploader, isSo: () => boolean): Promise<void> {
  if (isSo()) return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`Never happened: ${isSo} ${JSON.stringify(uploader.totals)}`)),
      NEVER_MS,
    )
    const stop = uploader.subscribe(() => {
      if (!isSo()) return
      clearTimeout(timer)
      stop()
      resolve()
    })
  })
}

export function untilReceived(uploader: Uploader): Promise<void> {
  // The first that is not received answers for all: with ten thousand files this is asked often.
  let from = 0
  return until(uploader, () => {
    const { items } = uploader
    if (from > items.length) from = 0
    while (from < items.length && isReceived(items[from]?.phase ?? 'waiting')) from += 1
    return from === items.length
  })
}
