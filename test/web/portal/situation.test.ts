import { describe, expect, it } from 'vitest'
import { situationOf } from '../../../web/portal/situation.ts'
import type { Phase } from '../../../web/portal/upload/upload-item.ts'

function totals(counts: Partial<Record<Phase, number>>) {
  const none = {
    waiting: 0,
    sending: 0,
    finishing: 0,
    received: 0,
    held: 0,
    delivered: 0,
    refused: 0,
    failed: 0,
    missing: 0,
  }
  return { byPhase: { ...none, ...counts } }
}

const running = { state: 'running', obstacle: undefined } as const

describe('situationOf', () => {
  it.each([
    ['one file is still to be sent', { received: 9, sending: 1 }, 'sending'],
    ['the last byte is sent, not confirmed', { received: 9, finishing: 1 }, 'finishing'],
    ['everything is received', { received: 10 }, 'received'],
    ['some is delivered, some received', { received: 1, delivered: 9 }, 'received'],
    ['one file waits for its owner', { held: 1, delivered: 9 }, 'held'],
    ['everything is delivered', { delivered: 10 }, 'delivered'],
    ['a check refused one', { refused: 1, delivered: 9 }, 'refused'],
    ['one could not be sent', { failed: 1, received: 9 }, 'failed'],
    ['one must be chosen again', { missing: 1, received: 9 }, 'unfinished'],
    ['one must be chosen again while another is sent', { missing: 1, sending: 1 }, 'sending'],
    ['the list is empty', {}, 'empty'],
  ] as const)('when %s', (_, counts, expected) => {
    expect(situationOf(running, totals(counts), true)).toBe(expected)
  })

  it('never says received while something stands in the way', () => {
    const obstacle = { kind: 'NETWORK', detail: '' } as const

    expect(situationOf({ state: 'paused', obstacle }, totals({ received: 3 }), true)).toBe(
      'obstructed',
    )
  })

  it('says that the device is offline only while there is something to send', () => {
    expect(situationOf(running, totals({ sending: 1 }), false)).toBe('offline')
    expect(situationOf(running, totals({ received: 1 }), false)).toBe('received')
  })
})
