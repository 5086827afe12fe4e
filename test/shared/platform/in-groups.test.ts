import { expect, it } from 'vitest'
import { inGroups } from '../../../shared/platform/in-groups.ts'

const never = () => false

it('does in one piece what is asked for at the same time, and no more than it may', async () => {
  const groups: number[][] = []
  const ask = inGroups<number>({ most: 3, isOfOne: never }, async (group) => {
    groups.push(group)
  })

  await Promise.all([1, 2, 3, 4, 5].map(ask))

  expect(groups).toEqual([
    [1, 2, 3],
    [4, 5],
  ])
})

it('does what is asked for while a group is under way after it', async () => {
  const groups: number[][] = []
  const later: Promise<void>[] = []
  const ask = inGroups<number>({ most: 9, isOfOne: never }, async (group) => {
    groups.push(group)
    if (groups.length === 1) later.push(ask(2), ask(3))
  })

  await ask(1)
  await Promise.all(later)
  await ask(4)

  expect(groups).toEqual([[1], [2, 3], [4]])
})

it('tells each of a group of its failure, and goes on with the next', async () => {
  let failures = 1
  const ask = inGroups<number>({ most: 2, isOfOne: never }, async () => {
    if (failures-- > 0) throw new Error('out of order')
  })

  const outcomes = await Promise.allSettled([1, 2, 3].map(ask))

  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})

it('tries each alone when the failure may be of one, which is told alone', async () => {
  const ask = inGroups<number>({ most: 9, isOfOne: () => true }, async (group) => {
    if (group.includes(2)) throw new Error('not the second')
  })

  const outcomes = await Promise.allSettled([1, 2, 3].map(ask))

  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
