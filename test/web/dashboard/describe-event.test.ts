import { describe, expect, it } from 'vitest'
import { type EventEntry, eventType } from '../../../shared/contract/events.ts'
import {
  describeActor,
  describeEvent,
  hasFile,
  subjectKind,
} from '../../../web/dashboard/activity/describe-event.ts'

const names = { account: (id: string) => (id === 'acc_b' ? 'b@example.com' : undefined) }

function told(event: Partial<EventEntry>) {
  return describeEvent(
    {
      id: 'evt_0123456789',
      type: 'account.connected',
      at: '2026-03-01T12:00:00.000Z',
      actor: 'system',
      subjectId: 'acc_0123456789',
      before: null,
      after: null,
      reason: null,
      ...event,
    },
    names,
  )
}

describe('An entry of the activity', () => {
  it.each(eventType.options)('has words for %s', (type) => {
    expect(told({ type }).what).toMatch(/^[a-z]/)
  })

  it('says what an account was and is, and why', () => {
    expect(
      told({
        type: 'account.status-changed',
        before: 'ACTIVE',
        after: 'DISCONNECTED',
        reason: 'PROBE_REFUSED',
      }),
    ).toEqual({
      color: 'red',
      what: 'went from active to disconnected',
      why: 'The provider no longer lets Portage in.',
    })
  })

  it('says which settings of a portal were changed, once each', () => {
    const { why } = told({
      type: 'portal.updated',
      reason: 'deactivatedAt,deactivatedBy,isActive,maxFiles,passwordHash',
    })

    expect(why).toBe('Changed: whether it takes files, number of files, password.')
  })

  it.each([
    ['portal.deactivated', 'STORAGE_DISCONNECTED', 'Its storage account was disconnected.'],
    ['upload.rejected', 'SIZE_MISMATCH', 'What arrived is not as long as the file was said to be.'],
    ['account.status-changed', 'PROVIDER_UNAVAILABLE', 'The provider did not answer'],
    ['account.status-changed', 'SOMETHING_NEW', 'SOMETHING_NEW'],
  ] as const)('%s gives the reason %s in words', (type, reason, words) => {
    expect(told({ type, reason }).why).toContain(words)
  })

  it('says where a file goes instead', () => {
    expect(told({ type: 'upload.moved', before: 'acc_a', after: 'acc_b' }).what).toBe(
      'goes to b@example.com instead of another account',
    )
  })

  it('says what a deleted file was before', () => {
    expect(told({ type: 'upload.deleted', before: 'uploaded' }).why).toContain('Delivered')
    expect(told({ type: 'upload.deleted', before: 'unheard-of' }).why).toContain('unheard-of')
  })

  it.each([
    ['usr_me', 'You'],
    ['usr_other', 'Another owner'],
    ['delivery', 'Portage, by itself'],
    ['client', 'The client'],
  ])('of %s is by “%s”', (actor, who) => {
    expect(describeActor(actor, 'usr_me')).toBe(who)
  })

  it.each([
    ['upload.delivered', 'upload'],
    ['settings.updated', 'settings'],
    ['user.created', 'user'],
  ] as const)('of %s is about %s', (type, kind) => {
    expect(subjectKind(type)).toBe(kind)
  })

  it('shows the file unless there can be none any more', () => {
    const shown = eventType.options.filter(hasFile)

    expect(shown).toContain('upload.delivered')
    expect(shown).toContain('upload.expired')
    expect(shown).not.toContain('upload.deleted')
    expect(shown).not.toContain('upload.cancelled')
    expect(shown.every((type) => type.startsWith('upload.'))).toBe(true)
  })
})
