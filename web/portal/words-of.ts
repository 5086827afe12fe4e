import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import type { IconName } from './icon-paths.ts'
import type { Messages } from './messages.ts'
import type { Situation } from './situation.ts'
import type { Totals } from './upload/progress.ts'
import type { Uploader } from './upload/uploader.ts'
import { whyClosed } from './why-closed.ts'

interface Words {
  icon: IconName
  tone: 'calm' | 'good' | 'warning' | 'danger'
  title: string
  text: string
}

export interface Whole {
  situation: Situation
  totals: Pick<Totals, 'byPhase' | 'files'>
  uploader: Pick<Uploader, 'obstacle'>
  portal: Pick<OpenPortalReply, 'name' | 'acceptsUploads' | 'reason' | 'deadline'>
  messages: Messages
}

/** How all files are, in one title and a sentence. */
export function wordsOf({
  situation,
  totals: { byPhase, files },
  uploader: { obstacle },
  portal,
  messages,
}: Whole): Words {
  const portalName = portal.name
  const safe = byPhase.received + byPhase.held + byPhase.delivered
  const onWay = files - byPhase.failed - byPhase.missing - safe - byPhase.refused
  switch (situation) {
    case 'sending':
      return { icon: 'upload', tone: 'calm', title: messages.sendingTitle(onWay), text: '' }
    case 'finishing':
      return { icon: 'upload', tone: 'calm', title: messages.finishingTitle, text: '' }
    case 'paused':
      return {
        icon: 'pause',
        tone: 'calm',
        title: messages.pausedByYouTitle,
        text: messages.pausedByYouText,
      }
    case 'offline':
      return obstacleWords({ kind: 'NETWORK', detail: '' }, portal, messages)
    case 'obstructed':
      return obstacleWords(obstacle, portal, messages)
    case 'failed':
      return {
        icon: 'alert',
        tone: 'danger',
        title: messages.failedTitle(byPhase.failed),
        text: messages.failedText(safe),
      }
    case 'refused':
      return {
        icon: 'alert',
        tone: 'danger',
        title: messages.refusedTitle(byPhase.refused),
        text: messages.refusedText,
      }
    case 'held':
      return {
        icon: 'clock',
        tone: 'warning',
        title: messages.heldTitle,
        text: messages.heldText(portalName),
      }
    case 'delivered':
      return {
        icon: 'check',
        tone: 'good',
        title: messages.deliveredTitle,
        text: messages.deliveredText(safe, portalName),
      }
    case 'unfinished':
      return {
        icon: 'alert',
        tone: 'warning',
        title: messages.missingTitle(byPhase.missing),
        text: messages.missingText,
      }
    case 'received':
    case 'collecting':
    case 'empty':
      return {
        icon: 'check',
        tone: 'good',
        title: messages.receivedTitle,
        text: messages.receivedText(safe, portalName),
      }
  }
}

function obstacleWords(
  obstacle: Uploader['obstacle'],
  portal: Whole['portal'],
  messages: Messages,
): Words {
  const tone = 'warning'
  switch (obstacle?.kind) {
    case 'PORTAL_CLOSED': {
      if (!portal.acceptsUploads) return { tone, ...whyClosed(portal, messages) }
      return { icon: 'full', tone, title: messages.notTakenTitle, text: obstacle.detail }
    }
    case 'PASSWORD': {
      const { passwordAgainTitle: title, passwordAgainText: text } = messages
      return { icon: 'closed', tone, title, text }
    }
    case 'GONE':
      return { icon: 'lost', tone, title: messages.notFoundTitle, text: messages.notFoundText }
    case 'PAUSED':
      return { icon: 'pause', tone, title: messages.pausedTitle, text: messages.pausedText }
    case 'ENOUGH_TODAY': {
      const { enoughTodayTitle: title, enoughTodayText } = messages
      return { icon: 'clock', tone, title, text: enoughTodayText(obstacle.untilMs ?? 0) }
    }
    case 'BUSY': {
      const { busyTitle: title, busyText } = messages
      return { icon: 'clock', tone, title, text: busyText(obstacle.untilMs ?? 0) }
    }
    case 'SERVER':
      return { icon: 'alert', tone, title: messages.serverTitle, text: obstacle.detail }
    case 'NETWORK':
    case undefined: {
      const { networkTitle: title, networkText: text } = messages
      return { icon: 'alert', tone, title, text }
    }
  }
}
