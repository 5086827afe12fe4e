import type { IconName } from './icon.tsx'
import type { Messages } from './messages.ts'
import type { Situation } from './situation.ts'
import type { Totals } from './upload/progress.ts'
import type { Uploader } from './upload/uploader.ts'

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
  portalName: string
  messages: Messages
}

/** How all files are, in one title and a sentence. */
export function wordsOf({
  situation,
  totals: { byPhase, files },
  uploader: { obstacle },
  portalName,
  messages,
}: Whole): Words {
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
      return obstacleWords({ kind: 'NETWORK', detail: '' }, messages)
    case 'obstructed':
      return obstacleWords(obstacle, messages)
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

function obstacleWords(obstacle: Uploader['obstacle'], messages: Messages): Words {
  if (obstacle?.kind === 'PORTAL_CLOSED') {
    const title = messages.portalClosedTitle
    return { icon: 'closed', tone: 'warning', title, text: obstacle.detail }
  }
  if (obstacle?.kind === 'SERVER') {
    const title = messages.serverTitle
    return { icon: 'alert', tone: 'warning', title, text: obstacle.detail }
  }
  const { networkTitle: title, networkText: text } = messages
  return { icon: 'alert', tone: 'warning', title, text }
}
