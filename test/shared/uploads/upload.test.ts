import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CONTENT_HASH_BLOCK_BYTES,
  MAX_FILE_BYTES,
  SINGLE_PUT_MAX_BYTES,
} from '../../../shared/contract/limits.ts'
import { partLength, planParts, stagingKey, uploadIdOfKey } from '../../../shared/uploads/upload.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const S3_MAX_PARTS = 10_000
const S3_MIN_PART_BYTES = 5 * 1024 * 1024
const S3_MAX_PART_BYTES = 5 * 1024 ** 3

describe('the parts of a file', () => {
  test('up to 16 MiB it is one PUT, one byte more is multipart', () => {
    expect(planParts(0)).toMatchObject({ method: 'put', partCount: 1 })
    expect(planParts(SINGLE_PUT_MAX_BYTES)).toMatchObject({ method: 'put', partCount: 1 })
    expect(planParts(SINGLE_PUT_MAX_BYTES + 1)).toMatchObject({ method: 'multipart', partCount: 3 })
  })

  test('cover every file exactly, within the limits of S3 and on the blocks of the content hash', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_FILE_BYTES }), (fileSize) => {
        const plan = { fileSize, ...planParts(fileSize) }
        const last = partLength(plan, plan.partCount)

        expect(plan.partSize * (plan.partCount - 1) + last).toBe(fileSize)
        expect(plan.partCount).toBeLessThanOrEqual(S3_MAX_PARTS)
        if (plan.method === 'multipart') {
          expect(last).toBeGreaterThan(0)
          expect(plan.partSize).toBeGreaterThanOrEqual(S3_MIN_PART_BYTES)
          expect(plan.partSize).toBeLessThanOrEqual(S3_MAX_PART_BYTES)
          expect(plan.partSize % CONTENT_HASH_BLOCK_BYTES).toBe(0)
        }
      }),
    )
  })
})

describe('where a file is staged', () => {
  test.each([
    ['photo.JPG', 'image/jpeg', 'staging/safe/'],
    ['photo.jpeg', 'image/jpeg', 'staging/safe/'],
    ['photo.png', 'image/png', 'staging/safe/'],
    ['photo.png', 'image/jpeg', 'staging/scan/'],
    ['photo.jpg.exe', 'image/jpeg', 'staging/scan/'],
    ['drawing.svg', 'image/svg+xml', 'staging/scan/'],
    ['page.html', 'text/html', 'staging/scan/'],
    ['photo.jpg', '', 'staging/scan/'],
    ['__proto__', 'constructor', 'staging/scan/'],
  ])('%s of type %s lies in %s', (fileName, mimeType, prefix) => {
    expect(stagingKey('upl_0123456789', fileName, mimeType)).toBe(`${prefix}upl_0123456789`)
  })

  test('a key names its upload, and no other key does', () => {
    expect(uploadIdOfKey('staging/safe/upl_0abc')).toBe('upl_0abc')
    expect(uploadIdOfKey('staging/scan/upl_0abc')).toBe('upl_0abc')
    for (const key of [
      'downloads/upl_0abc',
      'staging/upl_0abc',
      'staging/scan/upl_0abc/x',
      'staging/scan/',
    ]) {
      expect(uploadIdOfKey(key)).toBeUndefined()
    }
  })
})
