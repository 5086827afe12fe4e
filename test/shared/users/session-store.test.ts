import { describe, expect, it } from 'vitest'
import { DAY_MS } from '../../../shared/platform/clock.ts'
import { sessionIsLive } from '../../../shared/users/session-store.ts'

const LOGIN_MS = Date.UTC(2026, 0, 1)

describe('security rule 4: a session', () => {
  it('lives for seven days without use, to the millisecond', () => {
    const session = { userId: 'usr_x', createdAtMs: LOGIN_MS, lastSeenMs: LOGIN_MS + DAY_MS }

    expect(sessionIsLive(session, LOGIN_MS + 8 * DAY_MS - 1)).toBe(true)
    expect(sessionIsLive(session, LOGIN_MS + 8 * DAY_MS)).toBe(false)
  })

  it('lives for thirty days however much it is used, to the millisecond', () => {
    const session = {
      userId: 'usr_x',
      createdAtMs: LOGIN_MS,
      lastSeenMs: LOGIN_MS + 30 * DAY_MS - 1,
    }

    expect(sessionIsLive(session, LOGIN_MS + 30 * DAY_MS - 1)).toBe(true)
    expect(sessionIsLive(session, LOGIN_MS + 30 * DAY_MS)).toBe(false)
  })
})
