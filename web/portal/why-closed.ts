/** Why a portal takes nothing now, as its clients are told. */
import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import type { IconName } from './icon-paths.ts'
import type { Messages } from './messages.ts'

export function whyClosed(
  { reason, deadline }: Pick<OpenPortalReply, 'reason' | 'deadline'>,
  messages: Messages,
): { icon: IconName; title: string; text: string } {
  switch (reason) {
    case 'closed':
      return { icon: 'closed', title: messages.closedTitle, text: messages.closedText }
    case 'full':
      return { icon: 'full', title: messages.fullTitle, text: messages.fullText }
    case 'late': {
      const deadlineMs = deadline === null ? undefined : Date.parse(deadline)
      return { icon: 'clock', title: messages.lateTitle, text: messages.lateText(deadlineMs) }
    }
    case 'paused':
    case undefined:
      return { icon: 'pause', title: messages.pausedTitle, text: messages.pausedText }
  }
}
