import { expect, it } from 'vitest'
import { collectYoungGarbage } from '../../../shared/platform/young-garbage.ts'

const PIECE_BYTES = 64 * 1024
const PIECES = 4000

it('keeps the pieces of a stream from gathering, however many there are', () => {
  collectYoungGarbage()
  const beforeBytes = process.memoryUsage().arrayBuffers
  let mostBytes = 0
  for (let count = 1; count <= PIECES; count += 1) {
    Buffer.allocUnsafeSlow(PIECE_BYTES)
    if (count % 100 !== 0) continue
    collectYoungGarbage()
    mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - beforeBytes)
  }

  expect(mostBytes).toBeLessThan((PIECES * PIECE_BYTES) / 10)
})
