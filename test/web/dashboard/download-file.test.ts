import { describe, expect, it } from 'vitest'
import type { DownloadReply } from '../../../web/dashboard/api/client.ts'
import { downloadFile, nextWaitMs } from '../../../web/dashboard/files/download-file.ts'

const FILE = { id: 'upl_0123456789', fileName: 'a "photo".jpg' }

/** Answers in order; everything that happens is noted. */
function browser(replies: (DownloadReply | Error)[]) {
  const happened: string[] = []
  const deps = {
    request: async (uploadId: string) => {
      happened.push(`asked for ${uploadId}`)
      const reply = replies.shift()
      if (reply === undefined) throw new Error('asked too often')
      if (reply instanceof Error) throw reply
      return reply
    },
    wait: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted()
      happened.push(`waited ${ms} ms`)
    },
    saveBytes: (blob: Blob, fileName: string) =>
      void happened.push(`saved ${blob.size} bytes as ${fileName}`),
    saveFromApi: (uploadId: string) => void happened.push(`left ${uploadId} to the browser`),
  }
  const start = (signal = new AbortController().signal) =>
    downloadFile(deps, FILE, signal, () => void happened.push('said that it prepares'))
  return { happened, start }
}

describe('A download', () => {
  it('of a small file saves the bytes under the name that the client gave', async () => {
    const { happened, start } = browser([{ kind: 'bytes', blob: new Blob(['hello']) }])

    await start()

    expect(happened).toEqual([`asked for ${FILE.id}`, 'saved 5 bytes as a "photo".jpg'])
  })

  it('of a large file waits until it is there, says so once, and holds no bytes', async () => {
    const { happened, start } = browser([
      { kind: 'preparing', retryAfterSeconds: 2 },
      { kind: 'preparing', retryAfterSeconds: 2 },
      { kind: 'elsewhere' },
    ])

    await start()

    expect(happened).toEqual([
      `asked for ${FILE.id}`,
      'said that it prepares',
      'waited 2000 ms',
      `asked for ${FILE.id}`,
      'waited 2800 ms',
      `asked for ${FILE.id}`,
      `left ${FILE.id} to the browser`,
    ])
  })

  it('ends with the problem that the API names', async () => {
    const refused = new Error('File unavailable')
    const { happened, start } = browser([{ kind: 'preparing', retryAfterSeconds: 1 }, refused])

    await expect(start()).rejects.toBe(refused)
    expect(happened.at(-1)).toBe(`asked for ${FILE.id}`)
  })

  it('asks no more once its page is left', async () => {
    const { happened, start } = browser([{ kind: 'preparing', retryAfterSeconds: 1 }])

    await expect(start(AbortSignal.abort())).rejects.toThrow()
    expect(happened).toEqual([`asked for ${FILE.id}`, 'said that it prepares'])
  })
})

describe('The time until the next question', () => {
  it('never undercuts what the API asks for', () => {
    expect(nextWaitMs(45, 0)).toBe(45_000)
    expect(nextWaitMs(45, 9)).toBe(45_000)
  })

  it('grows, but not beyond half a minute', () => {
    const waits = [0, 1, 2, 20].map((attempt) => nextWaitMs(2, attempt))

    expect(waits).toEqual([2_000, 2_800, 3_920, 30_000])
  })

  it('is a second at least', () => {
    expect(nextWaitMs(0, 0)).toBe(1_000)
  })
})
