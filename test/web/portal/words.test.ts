import { describe, expect, it } from 'vitest'
import { messagesFor } from '../../../web/portal/messages.ts'
import { formatMoment } from '../../../web/portal/moment.ts'
import { typeWords } from '../../../web/portal/type-words.ts'
import type { Obstacle } from '../../../web/portal/upload/problems.ts'
import { whyClosed } from '../../../web/portal/why-closed.ts'
import { wordsOf } from '../../../web/portal/words-of.ts'

const messages = messagesFor(['de-DE'])
const DEADLINE = '2026-11-27T16:00:00Z'

describe('a file that is delivered', () => {
  it.each([
    ['google_drive', 'Delivered to Google Drive'],
    ['dropbox', 'Delivered to Dropbox'],
    [undefined, 'Delivered'],
  ] as const)('names where it lies: %s', (provider, words) => {
    expect(messages.delivered(provider)).toBe(words)
  })
})

describe('what a portal takes', () => {
  it.each([
    ['kinds', ['image/*', 'video/*', '.pdf'], ['images', 'videos', 'PDF']],
    ['one kind named twice', ['.pdf', 'application/pdf'], ['PDF']],
    [
      'what has no shorter name',
      ['application/x-tar', '.numbers'],
      ['application/x-tar', '.numbers'],
    ],
    [
      'the types of offices',
      ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'text/plain'],
      ['DOCX', 'TXT'],
    ],
  ])('names %s', (_, allowed, expected) => {
    expect(typeWords(allowed)).toEqual(expected)
  })

  it.each([
    ['neither', [], undefined, ''],
    ['a size', [], 25_000_000, 'Files of up to 25 MB each are taken.'],
    ['types', ['image/*', '.pdf'], undefined, 'Only images and PDF are taken.'],
    [
      'both',
      ['.pdf', '.docx', 'image/*'],
      1_500,
      'Only PDF, DOCX, and images are taken, up to 1.5 kB each.',
    ],
  ])('is said in a sentence: %s', (_, types, maxBytes, expected) => {
    expect(messages.fileRules(types, maxBytes)).toBe(expected)
  })
})

describe('a deadline', () => {
  it.each([
    ['Europe/Berlin', 'Friday, November 27, 2026 at 5:00 PM GMT+1'],
    ['America/Los_Angeles', 'Friday, November 27, 2026 at 8:00 AM PST'],
    ['Asia/Tokyo', 'Saturday, November 28, 2026 at 1:00 AM GMT+9'],
  ])('is told in the zone of a reader in %s', (timeZone, expected) => {
    const said = formatMoment(Date.parse(DEADLINE), 'en', timeZone)
    expect(said.replaceAll('\u202f', ' ')).toBe(expected)
  })
})

describe('a portal that takes nothing', () => {
  it.each([
    ['closed', 'This page is closed'],
    ['paused', 'Taking a short break'],
    ['full', 'This page is full'],
    ['late', 'The deadline has passed'],
  ] as const)('says that it is %s', (reason, title) => {
    expect(whyClosed({ reason, deadline: DEADLINE }, messages).title).toBe(title)
  })

  it('names the deadline that has passed', () => {
    const { text } = whyClosed({ reason: 'late', deadline: DEADLINE }, messages)
    expect(text).toContain(formatMoment(Date.parse(DEADLINE), messages.locale))
  })
})

describe('what stands in the way', () => {
  const say = (obstacle: Obstacle, acceptsUploads = true) =>
    wordsOf({
      situation: 'obstructed',
      totals: {
        files: 1,
        byPhase: {
          waiting: 1,
          sending: 0,
          finishing: 0,
          received: 0,
          held: 0,
          delivered: 0,
          refused: 0,
          failed: 0,
          missing: 0,
        },
      },
      uploader: { obstacle },
      portal: {
        name: 'Letters',
        deadline: null,
        acceptsUploads,
        ...(acceptsUploads ? {} : { reason: 'full' as const }),
      },
      messages,
    })

  it('is told in the words of its reason once the portal takes nothing more', () => {
    const { title } = say({ kind: 'PORTAL_CLOSED', detail: 'x' }, false)
    expect(title).toBe('This page is full')
  })

  it('is told in the words of the server while the portal takes other files', () => {
    const { title, text } = say({
      kind: 'PORTAL_CLOSED',
      detail: 'There is room for 2 more files.',
    })
    expect(title).toBe('Not all of these files are taken')
    expect(text).toBe('There is room for 2 more files.')
  })

  it('names the time of day at which sending goes on', () => {
    const untilMs = Date.parse(DEADLINE)
    const { text } = say({ kind: 'BUSY', detail: '', untilMs })
    expect(text).toContain(messages.busyText(untilMs))
    expect(text).toMatch(/\d{1,2}:00/)
  })

  it('says until when it is enough for today', () => {
    const untilMs = Date.parse('2026-11-28T00:00:00Z')
    const { title, text } = say({ kind: 'ENOUGH_TODAY', detail: '', untilMs })
    expect(title).toBe('Enough for today')
    expect(text).toContain(formatMoment(untilMs, messages.locale))
  })

  it.each([
    ['GONE', 'This link leads nowhere'],
    ['PAUSED', 'Taking a short break'],
    ['PASSWORD', 'Please enter the password again'],
    ['NETWORK', 'The connection is interrupted'],
    ['SERVER', 'The server does not answer as it should'],
  ] as const)('is never silent: %s', (kind, title) => {
    expect(say({ kind, detail: 'x' }).title).toBe(title)
  })
})
