import { describe, expect, test } from 'vitest'
import { newId } from '../../../shared/platform/ids.ts'
import {
  DUE_PARTITIONS,
  dueKeys,
  encodeCursor,
  startKey,
  timeKey,
} from '../../../shared/platform/table.ts'

const NOW = Date.parse('2026-11-22T10:00:00.000Z')
const partition = { attribute: 'ownerPk', value: 'uploads#usr_me' }

describe('a cursor', () => {
  test('leads back to where the list stopped, in the partition of whoever asks', () => {
    const sort = timeKey(NOW, 'upl_0123')
    const cursor = encodeCursor(
      { pk: 'upload#upl_0123', sk: 'upload', ownerPk: 'uploads#usr_other', ownerSk: sort },
      'ownerSk',
    )

    expect(startKey(cursor, partition, 'ownerSk', 'upload')).toEqual({
      ownerPk: 'uploads#usr_me',
      ownerSk: sort,
      pk: 'upload#upl_0123',
      sk: 'upload',
    })
  })

  test('is absent at the end of a list', () => {
    expect(encodeCursor(undefined, 'ownerSk')).toBeUndefined()
    expect(startKey(undefined, partition, 'ownerSk', 'upload')).toBeUndefined()
  })

  test.each([
    '',
    'x',
    '%%%',
    Buffer.from('session#abc').toString('base64url'),
    Buffer.from('2026-11-22T10:00:00.000Z#../x').toString('base64url'),
  ])('%j is refused by name', (cursor) => {
    expect(() => startKey(cursor, partition, 'ownerSk', 'upload')).toThrow(/cursor/)
  })
})

describe('due entries', () => {
  test('sort by time, then name their kind and id', () => {
    expect(dueKeys('upl_1', 'upload', NOW).dueSk).toBe('2026-11-22T10:00:00.000Z#upload#upl_1')
    expect(dueKeys('upl_1', 'upload', NOW).dueSk < dueKeys('upl_1', 'upload', NOW + 1).dueSk).toBe(
      true,
    )
  })

  test('spread over all partitions, and one id stays in its own', () => {
    const ids = Array.from({ length: 400 }, () => newId('upload', NOW))
    const partitions = ids.map((id) => dueKeys(id, 'upload', NOW).duePk)

    expect(new Set(partitions).size).toBe(DUE_PARTITIONS)
    expect(ids.map((id) => dueKeys(id, 'large-delivery', NOW + 5).duePk)).toEqual(partitions)
  })
})

test('ids of one moment differ, ids of later moments sort later', () => {
  const ids = Array.from({ length: 1000 }, () => newId('upload', NOW))

  expect(new Set(ids).size).toBe(ids.length)
  expect(newId('upload', NOW + 1) > (ids.toSorted().at(-1) ?? '')).toBe(true)
})
