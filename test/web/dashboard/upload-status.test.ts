import { describe, expect, it } from 'vitest'
import { uploadReason, uploadStatus } from '../../../shared/contract/uploads.ts'
import {
  clientFolder,
  describeUpload,
  isListed,
  isOnItsWay,
  otherName,
  pollIntervalMs,
} from '../../../web/dashboard/files/upload-status.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')

function upload(status: (typeof uploadStatus.options)[number], minutesAgo = 1) {
  return { status, createdAt: new Date(NOW - minutesAgo * 60_000).toISOString() }
}

describe('A file', () => {
  it.each(uploadStatus.options)('has a word for %s', (status) => {
    expect(describeUpload({ status, reason: null }).label).toMatch(/^[A-Z]/)
  })

  it('has a different word for every status', () => {
    const labels = uploadStatus.options.map(
      (status) => describeUpload({ status, reason: null }).label,
    )

    expect(new Set(labels).size).toBe(uploadStatus.options.length)
  })

  it.each(uploadReason.options)('explains %s in a sentence', (reason) => {
    expect(describeUpload({ status: 'held', reason }).explanation).toMatch(/^[A-Z].*\.$/)
  })

  it('is on its way until it is delivered, waits for somebody or has ended', () => {
    expect(uploadStatus.options.filter((status) => isOnItsWay({ status }))).toEqual([
      'pending',
      'staged',
      'scanning',
      'delivering',
    ])
  })

  it('is no longer listed once it is deleted', () => {
    expect(isListed({ status: 'deleted' })).toBe(false)
    expect(isListed({ status: 'failed' })).toBe(true)
  })

  it.each([
    ['Photos/2026/a.jpg', 'Photos/2026'],
    ['a.jpg', null],
    [null, null],
  ])('that the client had at %s came from folder %s', (path, folder) => {
    expect(clientFolder(path)).toBe(folder)
  })

  it.each([
    ['Plan.pdf', null, null],
    ['Plan.pdf', 'Portage/Letters/Plan.pdf', null],
    ['Plan.pdf', 'Portage/Letters/Plan (2).pdf', 'Plan (2).pdf'],
    ['desktop.ini', 'Portage/Letters/desktop.ini_', 'desktop.ini_'],
    ['Gro\u0308\u00dfe.pdf', 'Portage/Letters/Gr\u00f6\u00dfe.pdf', null],
  ])('%s that lies at %s is called otherwise: %s', (fileName, storagePath, other) => {
    expect(otherName({ fileName, storagePath })).toBe(other)
  })
})

describe('The list of files is read again', () => {
  it('soon while something is on its way', () => {
    expect(pollIntervalMs([upload('uploaded'), upload('delivering')], 1, NOW)).toBe(2_000)
  })

  it('later when all is settled or waits for somebody', () => {
    expect(pollIntervalMs([upload('uploaded'), upload('held')], 1, NOW)).toBe(10_000)
    expect(pollIntervalMs([], 0, NOW)).toBe(10_000)
  })

  it('later when what is on its way has not moved for a quarter of an hour', () => {
    expect(pollIntervalMs([upload('pending', 14)], 1, NOW)).toBe(2_000)
    expect(pollIntervalMs([upload('pending', 15)], 1, NOW)).toBe(10_000)
  })

  it('less often the more pages are loaded', () => {
    expect(pollIntervalMs([upload('staged')], 4, NOW)).toBe(8_000)
  })
})
