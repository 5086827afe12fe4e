import { describe, expect, it } from 'vitest'
import {
  argHeader,
  commitEntry,
  pathOf,
  readBatch,
  readMetadata,
  readQuota,
} from '../../../../shared/providers/dropbox/wire.ts'

const FILE = { id: 'id:1', name: 'a.pdf', size: 3, content_hash: 'AB', rev: '01', extra: true }
const REMOTE = { id: 'id:1', name: 'a.pdf', sizeBytes: 3, trashed: false, contentHash: 'ab' }

describe('the argument in a header', () => {
  it.each([
    ['/Grüße.pdf', '{"path":"/Gr\\u00fc\\u00dfe.pdf"}'],
    ['/請求書', '{"path":"/\\u8acb\\u6c42\\u66f8"}'],
    ['/🎉', '{"path":"/\\ud83c\\udf89"}'],
    ['/a\u007fb', '{"path":"/a\\u007fb"}'],
    ['/a"b\\c', '{"path":"/a\\"b\\\\c"}'],
  ])('%j is ASCII, and JSON of the same', (path, header) => {
    const { 'dropbox-api-arg': arg } = argHeader({ path })

    expect(arg).toBe(header)
    expect(JSON.parse(arg)).toEqual({ path })
    expect(() => new Headers({ 'dropbox-api-arg': arg })).not.toThrow()
  })
})

describe('a path', () => {
  it('begins at the top, or in its folder', () => {
    expect(pathOf({ name: 'Portage' })).toBe('/Portage')
    expect(pathOf({ parentId: '/Portage/Tax', name: 'a.pdf' })).toBe('/Portage/Tax/a.pdf')
  })
})

describe('a commit', () => {
  it('overwrites nothing, renames nothing, and is content with the same content', () => {
    const target = {
      fileId: '/a.pdf',
      folderId: '',
      name: 'a.pdf',
      sizeBytes: 3,
      mimeType: 'application/pdf',
    }
    expect(commitEntry('pid', target)).toEqual({
      cursor: { session_id: 'pid', offset: 3 },
      commit: {
        path: '/a.pdf',
        mode: { '.tag': 'add' },
        autorename: false,
        strict_conflict: false,
        mute: true,
      },
    })
    // Where nothing of ours can stand yet, even the same content is another's.
    const { commit } = commitEntry('pid', { ...target, isFirst: true })
    expect(commit.strict_conflict).toBe(true)
  })
})

describe('an answer', () => {
  it('of a batch is one outcome for each entry', () => {
    const failure = { '.tag': 'too_many_write_operations' }
    const entries = [
      { '.tag': 'success', ...FILE },
      { '.tag': 'failure', failure },
    ]
    expect(readBatch(JSON.stringify({ entries }))).toEqual([REMOTE, { '.tag': 'failure', failure }])
  })

  it.each([
    ['a file', { '.tag': 'file', ...FILE }, REMOTE],
    ['a folder', { '.tag': 'folder', id: 'id:2', name: 'Portage' }, 'no-file'],
    ['what was deleted', { '.tag': 'deleted', name: 'a.pdf' }, 'no-file'],
    ['nothing that is documented', { '.tag': 'file' }, undefined],
  ])('tells %s', (_case, body, expected) => {
    expect(readMetadata(JSON.stringify(body))).toEqual(expected)
  })

  it.each([
    ['one person', { '.tag': 'individual', allocated: 9 }, { usedBytes: 5, totalBytes: 9 }],
    [
      'a team',
      { '.tag': 'team', used: 70, allocated: 90, user_within_team_space_allocated: 0 },
      { usedBytes: 70, totalBytes: 90 },
    ],
    [
      'a member whom the team limits',
      { '.tag': 'team', used: 70, allocated: 90, user_within_team_space_allocated: 6 },
      { usedBytes: 5, totalBytes: 6 },
    ],
    ['whoever is to come', { '.tag': 'other' }, { usedBytes: 5 }],
  ])('tells the room of %s', (_case, allocation, expected) => {
    expect(readQuota(JSON.stringify({ used: 5, allocation }))).toEqual(expected)
  })
})
