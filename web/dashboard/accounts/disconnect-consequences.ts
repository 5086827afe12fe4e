import { countOf } from '../shell/count-of.ts'

interface Consequences {
  portals: string
  files: string
}

/** What an owner is told before an account is disconnected: of the portals that stop without it, and of its files; undefined stands for what is not known yet. */
export function whatDisconnectingStops(
  stopping: unknown[] | undefined,
  files: { delivered: number; more: boolean } | undefined,
): Consequences {
  const open = stopping?.length
  return {
    portals:
      open === undefined
        ? 'Portals that deliver here stop taking files.'
        : open === 0
          ? 'No open portal stops: none delivers here alone.'
          : `${countOf(open, 'portal')} ${open === 1 ? 'stops' : 'stop'} taking files until you reconnect or choose another account.`,
    files: describeFiles(files),
  }
}

function describeFiles(files: { delivered: number; more: boolean } | undefined): string {
  if (files === undefined || (files.delivered === 0 && files.more)) {
    return 'Delivered files become unreachable here.'
  }
  if (files.more) return `More than ${files.delivered} delivered files become unreachable here.`
  if (files.delivered === 0) return 'Delivered files would become unreachable here; there are none.'
  return `${countOf(files.delivered, 'delivered file')} ${files.delivered === 1 ? 'becomes' : 'become'} unreachable here.`
}
