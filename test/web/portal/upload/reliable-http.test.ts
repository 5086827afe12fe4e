import { describe, expect, it } from 'vitest'
import { type HttpReply, NetworkError } from '../../../../web/portal/upload/http.ts'
import {
  MAX_ATTEMPTS,
  retryDelayMs,
  sendReliably,
  type Wire,
} from '../../../../web/portal/upload/reliable-http.ts'
import { FakePortal, problem, reply } from './fake-portal.ts'

const GET = { method: 'GET', url: '/api/x', headers: {} } as const

function wireAnswering(answers: (HttpReply | NetworkError)[]): {
  wire: Wire
  portal: FakePortal
  sent: () => number
} {
  const portal = new FakePortal()
  let sent = 0
  const http = async () => {
    const answer = answers[Math.min(sent, answers.length - 1)]
    sent += 1
    if (answer instanceof NetworkError) throw answer
    if (!answer) throw new Error('No answer was prepared')
    return answer
  }
  return { wire: { ...portal.wire, http }, portal, sent: () => sent }
}

describe('sendReliably', () => {
  it.each([
    ['a broken connection', new NetworkError('reset')],
    ['503', reply(503, '')],
    ['429', reply(429, '')],
    ['what S3 calls a timeout', reply(400, '<Error><Code>RequestTimeout</Code></Error>')],
    ['a conditional write under way', reply(409, '<Code>ConditionalRequestConflict</Code>')],
  ])('repeats after %s', async (_, first) => {
    const { wire, sent } = wireAnswering([first, reply(200, 'ok')])

    expect((await sendReliably(wire, GET)).status).toBe(200)
    expect(sent()).toBe(2)
  })

  it.each([
    ['403', reply(403, '')],
    ['404', reply(404, '')],
    ['412', reply(412, '')],
    ['a part that was signed too often', problem(429, 'TOO_MANY_SIGNINGS')],
    ['the switch of the operator', problem(409, 'INTAKE_CLOSED')],
  ])('leaves %s to its caller', async (_, answer) => {
    const { wire, sent } = wireAnswering([answer])

    expect(await sendReliably(wire, GET)).toBe(answer)
    expect(sent()).toBe(1)
  })

  it('waits as long as the server asks', async () => {
    const { wire, portal } = wireAnswering([reply(429, '', { 'retry-after': '7' }), reply(200, '')])

    await sendReliably(wire, GET)

    expect(portal.sleeps).toEqual([7_000])
  })

  it('hands a long wait to its caller, who can tell of it', async () => {
    const answer = reply(429, '', { 'retry-after': '900' })
    const { wire, portal, sent } = wireAnswering([answer])

    expect(await sendReliably(wire, GET)).toBe(answer)
    expect(sent()).toBe(1)
    expect(portal.sleeps).toEqual([])
  })

  it('doubles its delays up to half a minute, each with full jitter, and gives up at last', async () => {
    const { wire, portal, sent } = wireAnswering([new NetworkError('reset')])

    await expect(sendReliably(wire, GET)).rejects.toBeInstanceOf(NetworkError)

    expect(sent()).toBe(MAX_ATTEMPTS)
    expect(portal.sleeps).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    expect(retryDelayMs(3, 0)).toBe(0)
    expect(retryDelayMs(3, 0.999)).toBeCloseTo(1_998)
  })

  it('returns the last reply of a server that stays broken', async () => {
    const { wire, sent } = wireAnswering([reply(500, '')])

    expect((await sendReliably(wire, GET)).status).toBe(500)
    expect(sent()).toBe(MAX_ATTEMPTS)
  })

  it('spends no attempt while the device is offline', async () => {
    const { wire, portal, sent } = wireAnswering([new NetworkError('reset'), reply(200, 'ok')])
    portal.isOnline = false

    const sending = sendReliably(wire, GET)
    await new Promise((resolve) => setImmediate(resolve))
    expect(sent()).toBe(0)

    portal.goOnline()
    expect((await sending).status).toBe(200)
  })

  it('ends at once when it is stopped between two attempts', async () => {
    const stop = new AbortController()
    const { wire, sent } = wireAnswering([reply(503, '')])
    const stopping: Wire = {
      ...wire,
      clock: {
        now: wire.clock.now,
        sleep: async (_, signal) => {
          stop.abort(new Error('stopped'))
          signal?.throwIfAborted()
        },
      },
    }

    await expect(sendReliably(stopping, { ...GET, signal: stop.signal })).rejects.toThrow('stopped')
    expect(sent()).toBe(1)
  })
})
