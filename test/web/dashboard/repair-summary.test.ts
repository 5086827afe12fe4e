import { describe, expect, it } from 'vitest'
import { describeFix, describeSync } from '../../../web/dashboard/accounts/repair-summary.ts'

describe('After “Fix Storage”', () => {
  const nothing = { created: 0, reactivated: 0, validated: 0, errors: [], reactivatedPortals: 0 }

  it('every figure of the summary is told', () => {
    const told = describeFix({
      ...nothing,
      created: 1,
      reactivated: 2,
      validated: 3,
      reactivatedPortals: 4,
    })

    expect(told).toEqual({
      tone: 'info',
      title: 'Storage is fixed',
      lines: [
        '1 account created.',
        '2 accounts brought back.',
        '3 accounts checked and in order.',
        '4 portals reopened.',
      ],
    })
  })

  it('nothing to do is said as such', () => {
    expect(describeFix({ ...nothing, validated: 1 }).title).toBe('Nothing was missing')
  })

  it('what the owner must do is a warning, each in a sentence', () => {
    const told = describeFix({ ...nothing, errors: ['a@example.com: reconnect'] })

    expect(told).toEqual({
      tone: 'warning',
      title: '1 account needs you',
      lines: ['a@example.com: reconnect.'],
    })
  })
})

describe('After “Sync OAuth Status”', () => {
  const nothing = {
    accountsChecked: 2,
    accountsUpdated: 0,
    deactivatedPortals: 0,
    reactivatedPortals: 0,
    errors: [],
  }

  it('says that every status was right', () => {
    expect(describeSync(nothing)).toEqual({
      tone: 'info',
      title: 'Every status was right',
      lines: ['2 accounts looked at.'],
    })
  })

  it('warns when portals stopped', () => {
    const told = describeSync({ ...nothing, accountsUpdated: 1, deactivatedPortals: 1 })

    expect(told.tone).toBe('warning')
    expect(told.lines).toEqual(['2 accounts looked at.', '1 account changed.', '1 portal stopped.'])
  })

  it('names the accounts that need their owner', () => {
    const told = describeSync({ ...nothing, errors: ['a: no answer', 'b: no answer'] })

    expect(told.title).toBe('2 accounts need you')
    expect(told.lines).toContain('b: no answer.')
  })
})
