import { describe, expect, it } from 'vitest'
import {
  type Commit,
  commitLanes,
  type LaneDeps,
} from '../../../../shared/providers/dropbox/commit-lane.ts'
import { QuotaFull, RetryLater } from '../../../../shared/providers/failures.ts'
import type { RemoteFile } from '../../../../shared/providers/provider.ts'

const AUTH = { accessToken: 'token' }
const diagnostics = { provider: 'dropbox' } as const
const keptOut = (afterMs?: number) =>
  new RetryLater({ reason: 'RATE_LIMITED', afterMs, diagnostics })

function commitOf(name: string): Commit {
  const target = { fileId: `/${name}`, folderId: '', name, sizeBytes: 1, mimeType: '' }
  return { sessionId: name, target }
}

function fileOf({ target: { name } }: Commit): RemoteFile {
  return { id: `id:${name}`, name, sizeBytes: 1, trashed: false }
}

/** A lane whose batches are noted, and end when `answer` says how; its pauses are noted, not slept. */
function laneWith(answer: (batch: string[], number: number) => ReturnType<LaneDeps['finish']>) {
  const batches: string[][] = []
  const pausesMs: number[] = []
  const lanes = commitLanes({
    finish(_auth, commits) {
      batches.push(commits.map(({ sessionId }) => sessionId))
      return answer(batches.at(-1) ?? [], batches.length)
    },
    sleep: async (ms) => {
      pausesMs.push(ms)
    },
    random: () => 0.5,
  })
  return { lanes, batches, pausesMs }
}

const allSucceed = async (batch: string[]) => batch.map((name) => fileOf(commitOf(name)))

describe("an account's commits", () => {
  it('go together while one is under way, never beside it', async () => {
    const first = Promise.withResolvers<void>()
    const { lanes, batches } = laneWith(async (batch, number) => {
      if (number === 1) await first.promise
      return allSucceed(batch)
    })

    const a = lanes.commit(AUTH, commitOf('a'))
    await Promise.resolve()
    const others = ['b', 'c', 'd'].map((name) => lanes.commit(AUTH, commitOf(name)))
    expect(batches).toEqual([['a']])
    first.resolve()

    expect((await a).id).toBe('id:a')
    expect((await Promise.all(others)).map(({ id }) => id)).toEqual(['id:b', 'id:c', 'id:d'])
    expect(batches).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('wait for nobody of another account', async () => {
    const { lanes, batches } = laneWith(async (batch) =>
      batch[0] === 'a' ? new Promise(() => undefined) : allSucceed(batch),
    )

    void lanes.commit(AUTH, commitOf('a'))
    await lanes.commit({ accessToken: 'other' }, commitOf('b'))

    expect(batches).toEqual([['a'], ['b']])
  })

  it('go a hundred at a time', async () => {
    const { lanes, batches } = laneWith(allSucceed)

    await Promise.all(
      Array.from({ length: 250 }, (_, number) => lanes.commit(AUTH, commitOf(`${number}`))),
    )

    expect(batches.map((batch) => batch.length)).toEqual([100, 100, 50])
  })

  it('share no refusal but their own', async () => {
    const full = new QuotaFull({ diagnostics })
    const { lanes } = laneWith(async (batch) =>
      batch.map((name) => (name === 'b' ? full : fileOf(commitOf(name)))),
    )

    const [a, b] = ['a', 'b'].map((name) => lanes.commit(AUTH, commitOf(name)))

    await expect(b).rejects.toBe(full)
    await expect(a).resolves.toMatchObject({ id: 'id:a' })
  })
})

describe('commits that another process keeps out', () => {
  it('go again, with whoever has come meanwhile, after a pause that grows', async () => {
    const { lanes, batches, pausesMs } = laneWith(async (batch, number) => {
      if (number === 2) throw keptOut()
      return number === 1
        ? batch.map((name) => (name === 'a' ? keptOut() : fileOf(commitOf(name))))
        : allSucceed(batch)
    })

    await Promise.all(['a', 'b'].map((name) => lanes.commit(AUTH, commitOf(name))))

    expect(batches).toEqual([['a', 'b'], ['a'], ['a']])
    expect(pausesMs).toEqual([25, 50])
  })

  it('wait as long as Dropbox asks, and not all the same time', async () => {
    const { lanes, pausesMs } = laneWith(async (batch, number) => {
      if (number === 1) throw keptOut(3000)
      return allSucceed(batch)
    })

    await lanes.commit(AUTH, commitOf('a'))

    expect(pausesMs).toEqual([3025])
  })

  it('are given up after eight times', async () => {
    const { lanes, batches } = laneWith(async () => {
      throw keptOut()
    })

    const call = lanes.commit(AUTH, commitOf('a'))

    await expect(call).rejects.toMatchObject({ reason: 'RATE_LIMITED' })
    expect(batches).toHaveLength(8)
  })

  it('are given up at once when the wait is longer than a worker has', async () => {
    const { lanes, batches } = laneWith(async () => {
      throw keptOut(300_000)
    })

    await expect(lanes.commit(AUTH, commitOf('a'))).rejects.toMatchObject({ afterMs: 300_000 })
    expect(batches).toHaveLength(1)
  })
})

describe('a commit whose caller gives up', () => {
  it('is not sent any more while it waits', async () => {
    const first = Promise.withResolvers<void>()
    const { lanes, batches } = laneWith(async (batch, number) => {
      if (number === 1) await first.promise
      return allSucceed(batch)
    })
    const abort = new AbortController()
    const reason = new Error('out of time')

    const a = lanes.commit(AUTH, commitOf('a'))
    await Promise.resolve()
    const given = lanes.commit(AUTH, commitOf('b'), abort.signal)
    abort.abort(reason)
    await expect(given).rejects.toBe(reason)
    first.resolve()
    await a
    await lanes.commit(AUTH, commitOf('c'))

    expect(batches).toEqual([['a'], ['c']])
  })

  it('is not sent at all when that was before', async () => {
    const { lanes, batches } = laneWith(allSucceed)
    const reason = new Error('out of time')

    const call = lanes.commit(AUTH, commitOf('a'), AbortSignal.abort(reason))

    await expect(call).rejects.toBe(reason)
    expect(batches).toEqual([])
  })
})

describe('whatever else takes the lock', () => {
  it('has its turn between the batches, and its own failure', async () => {
    const order: string[] = []
    const { lanes } = laneWith(async (batch) => {
      order.push(...batch)
      return allSucceed(batch)
    })

    const a = lanes.commit(AUTH, commitOf('a'))
    const work = lanes.inTurn(AUTH, async () => order.push('work'))
    const broken = lanes.inTurn(AUTH, async () => {
      throw new Error('broken')
    })
    await expect(broken).rejects.toThrow('broken')
    await Promise.all([a, work])

    expect(order).toEqual(['a', 'work'])
  })
})
