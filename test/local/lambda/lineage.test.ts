import { describe, expect, test } from 'vitest'
import { continueChain, mergeTraceHeaders } from '../../../infra/local/lambda/lineage.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 14)

describe('a chain of requests', () => {
  test('counts the invocations of each function and keeps its root', () => {
    const first = continueChain(undefined, 'deliver', NOW_MS)
    const other = continueChain(first.traceHeader, 'take-in', NOW_MS)
    const second = continueChain(other.traceHeader, 'deliver', NOW_MS)

    expect([first, other, second].map(({ invocations }) => invocations)).toEqual([0, 0, 1])
    const root = /Root=(1-[0-9a-f]{8}-[0-9a-f]{24});/.exec(first.traceHeader)?.[1]
    expect(root).toBeDefined()
    expect(second.traceHeader).toContain(`Root=${root};`)
  })

  test('begins anew with a header that knows of no invocations', () => {
    const { invocations, traceHeader } = continueChain('Root=1-5e-ab;Sampled=1', 'f', NOW_MS)

    expect(invocations).toBe(0)
    expect(traceHeader).toMatch(/^Root=1-5e-ab;.*Lineage=[0-9a-f]{8}:1$/)
  })

  test('of a batch is the longest of each function', () => {
    const once = continueChain(undefined, 'a', NOW_MS).traceHeader
    const twice = continueChain(once, 'a', NOW_MS).traceHeader
    const ofOther = continueChain(undefined, 'b', NOW_MS).traceHeader

    const merged = mergeTraceHeaders([undefined, once, twice, ofOther])

    expect(continueChain(merged, 'a', NOW_MS).invocations).toBe(2)
    expect(continueChain(merged, 'b', NOW_MS).invocations).toBe(1)
    expect(mergeTraceHeaders([undefined])).toBeUndefined()
  })
})
