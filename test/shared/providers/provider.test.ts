import { expect, it } from 'vitest'
import { chunkPosition } from '../../../shared/providers/provider.ts'

const chunk = { offsetBytes: 100, sizeBytes: 50 }

it.each([
  [0, 'behind'],
  [99, 'behind'],
  [100, 'at-start'],
  [101, 'inside'],
  [149, 'inside'],
  [150, 'at-end'],
  [151, 'ahead'],
  [400, 'ahead'],
  [401, 'beyond-file'],
])('a provider that has %i bytes stands %s of the chunk', (offsetBytes, position) => {
  expect(chunkPosition(offsetBytes, chunk, 400)).toBe(position)
})
