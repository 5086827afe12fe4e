/** https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start */
import { describe, expect, it } from 'vitest'
import { type Api, content, contentHash, control, ownersApi } from './api-client.ts'
import { BLOCK, type Fixture, startEmulator } from './emulator-fixture.ts'

const WEEK_SECONDS = 7 * 24 * 60 * 60
const APPEND = { route: '/2/files/upload_session/append_v2' }

async function start(): Promise<{ fixture: Fixture; api: Api }> {
  const fixture = await startEmulator()
  return { fixture, api: await ownersApi(fixture) }
}

describe('a sequential session', () => {
  it('collects content and becomes a file', async () => {
    const { api } = await start()
    const data = content(2 * BLOCK + 5)

    const id = await api.start(data.subarray(0, BLOCK))
    const appended = await api.append(id, BLOCK, data.subarray(BLOCK, 2 * BLOCK))
    const closed = await api.append(id, 2 * BLOCK, data.subarray(2 * BLOCK), { close: true })
    const done = await api.finish(id, data.length, { path: '/folder/a.bin' })

    expect([appended.text, closed.text]).toEqual(['null', 'null'])
    expect(done.json).toMatchObject({
      path_display: '/folder/a.bin',
      size: data.length,
      content_hash: contentHash(data),
    })
    expect(done.json).not.toHaveProperty('.tag')
  })

  it('takes its last content with the finish', async () => {
    const { api } = await start()
    const id = await api.start(content(BLOCK))

    const arg = { cursor: { session_id: id, offset: BLOCK }, commit: { path: '/a' } }
    const { json } = await api.send('files/upload_session/finish', arg, content(3, 1))

    expect(json).toMatchObject({
      size: BLOCK + 3,
      content_hash: contentHash(Buffer.concat([content(BLOCK), content(3, 1)])),
    })
  })

  it('tells the right offset for a wrong one, and keeps what it has', async () => {
    const { api } = await start()
    const id = await api.start(content(10))

    const appended = await api.append(id, 4, content(6))
    const finished = await api.finish(id, 4, { path: '/a' })
    const ahead = await api.finish(id, 11, { path: '/a' })
    const probe = await api.append(id, 10, Buffer.alloc(0))

    expect(appended.status).toBe(409)
    expect(appended.json.error).toEqual({ '.tag': 'incorrect_offset', correct_offset: 10 })
    for (const { json } of [finished, ahead]) {
      expect(json.error).toEqual({
        '.tag': 'lookup_failed',
        lookup_failed: { '.tag': 'incorrect_offset', correct_offset: 10 },
      })
    }
    expect(probe.status).toBe(200)
  })

  it('takes nothing after it was closed', async () => {
    const { api } = await start()
    const id = await api.start(content(10), { close: true })

    const appended = await api.append(id, 10, content(1))
    const arg = { cursor: { session_id: id, offset: 10 }, commit: { path: '/a' } }
    const finished = await api.send('files/upload_session/finish', arg, content(1))

    expect(appended.json.error).toEqual({ '.tag': 'closed' })
    expect(finished.json.error).toEqual({
      '.tag': 'lookup_failed',
      lookup_failed: { '.tag': 'closed' },
    })
    expect((await api.finish(id, 10, { path: '/a' })).json.size).toBe(10)
  })

  it('takes back content that is not what its hash says', async () => {
    const { api } = await start()
    const id = await api.start(content(10))

    const wrong = await api.append(id, 10, content(5), { content_hash: contentHash(content(6)) })
    const right = await api.append(id, 10, content(5, 1), {
      content_hash: contentHash(content(5, 1)),
      close: true,
    })
    const { json } = await api.finish(id, 15, { path: '/a' })

    expect(wrong.json.error).toEqual({ '.tag': 'content_hash_mismatch' })
    expect(right.status).toBe(200)
    expect(json.content_hash).toBe(contentHash(Buffer.concat([content(10), content(5, 1)])))
  })

  it('is not found by another app, another person, after a week and after its commit', async () => {
    const { fixture, api } = await start()
    const second = await ownersApi(fixture, 'second@example.com')
    const id = await api.start(content(3))
    const late = await api.start(content(3))

    expect((await second.append(id, 3, content(1))).json.error).toEqual({ '.tag': 'not_found' })
    await api.finish(id, 3, { path: '/a' })
    const notFound = { '.tag': 'lookup_failed', lookup_failed: { '.tag': 'not_found' } }
    expect((await api.finish(id, 3, { path: '/b' })).json.error).toEqual(notFound)
    fixture.clock.advance(WEEK_SECONDS)
    const again = await ownersApi(fixture)
    expect((await again.append(late, 3, content(1))).json.error).toEqual({ '.tag': 'not_found' })
  })

  it('survives a restart in the middle', async () => {
    const { fixture, api } = await start()
    const data = content(BLOCK + 9)
    const id = await api.start(data.subarray(0, BLOCK + 2))

    const restarted = await ownersApi(await fixture.restart())
    await restarted.append(id, BLOCK + 2, data.subarray(BLOCK + 2), { close: true })
    const { json } = await restarted.finish(id, data.length, { path: '/a' })

    expect(json.content_hash).toBe(contentHash(data))
  })

  it('keeps whole blocks of a body that breaks off', async () => {
    const { fixture, api } = await start()
    const id = await api.start()
    await control(fixture, 'POST', 'faults', { ...APPEND, action: 'reset', bytes: BLOCK + 10 })
    const data = content(2 * BLOCK)

    await expect(api.append(id, 0, data)).rejects.toThrow()
    const told = await api.append(id, 0, data)
    await api.append(id, BLOCK, data.subarray(BLOCK))
    const { json } = await api.finish(id, data.length, { path: '/a' })

    expect(told.json.error).toEqual({ '.tag': 'incorrect_offset', correct_offset: BLOCK })
    expect(json.content_hash).toBe(contentHash(data))
  })

  it('keeps everything of a request whose reply is lost', async () => {
    const { fixture, api } = await start()
    const id = await api.start()
    await control(fixture, 'POST', 'faults', { ...APPEND, action: 'apply-then-503' })

    const lost = await api.append(id, 0, content(10))
    const told = await api.append(id, 0, content(10))

    expect(lost.status).toBe(503)
    expect(told.json.error).toEqual({ '.tag': 'incorrect_offset', correct_offset: 10 })
  })

  it('keeps part of the content on demand, and says nothing of how much', async () => {
    const { fixture, api } = await start()
    const id = await api.start()
    await control(fixture, 'POST', 'faults', { ...APPEND, action: 'partial', bytes: 7 })

    const partial = await api.append(id, 0, content(10))
    const { json } = await api.append(id, 0, content(10))

    expect(partial.status).toBe(503)
    expect(json.error).toEqual({ '.tag': 'incorrect_offset', correct_offset: 7 })
  })
})

describe('a concurrent session', () => {
  const concurrent = { session_type: { '.tag': 'concurrent' } }

  it('takes pieces in any order beside each other', async () => {
    const { api } = await start()
    const data = content(3 * BLOCK + 11)
    const id = await api.start(undefined, concurrent)

    const replies = await Promise.all(
      [2, 0, 1].map((piece) =>
        api.append(id, piece * BLOCK, data.subarray(piece * BLOCK, (piece + 1) * BLOCK)),
      ),
    )
    await api.append(id, 3 * BLOCK, data.subarray(3 * BLOCK), { close: true })
    const { json } = await api.finish(id, data.length, { path: '/a' })

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(json).toMatchObject({ size: data.length, content_hash: contentHash(data) })
  })

  it('refuses odd pieces, and an end before all is there', async () => {
    const { api } = await start()
    const tags: string[] = []
    const note = ({ json }: { json: { error: { '.tag': string } } }) =>
      tags.push(json.error['.tag'])
    const start_ = 'files/upload_session/start'
    note(await api.send(start_, { ...concurrent, close: true }))
    note(await api.send(start_, concurrent, content(1)))
    const id = await api.start(undefined, concurrent)
    note(await api.append(id, 5, content(BLOCK)))
    note(await api.append(id, 0, content(5)))
    note(await api.finish(id, 0, { path: '/a' }))
    await api.append(id, BLOCK, content(3), { close: true })
    note(await api.append(id, 0, content(BLOCK)))
    note(await api.finish(id, BLOCK + 3, { path: '/a' }))
    const arg = { cursor: { session_id: id, offset: BLOCK + 3 }, commit: { path: '/a' } }
    note(await api.send('files/upload_session/finish', arg, content(1)))

    expect(tags).toEqual([
      'concurrent_session_close_not_allowed',
      'concurrent_session_data_not_allowed',
      'concurrent_session_invalid_offset',
      'concurrent_session_invalid_data_size',
      'concurrent_session_not_closed',
      'closed',
      'concurrent_session_missing_data',
      'concurrent_session_data_not_allowed',
    ])
  })
})

describe('a batch', () => {
  it('commits every closed session in one call, in order, and says what failed', async () => {
    const { api } = await start()
    const ids = await Promise.all([
      api.start(content(1), { close: true }),
      api.start(content(2)),
      api.start(content(3), { close: true }),
      api.start(content(4), { close: true }),
    ])
    const entry = (index: number, offset: number, path: string) => ({
      id: ids[index] ?? 'unknown',
      offset,
      commit: { path },
    })

    const { status, json } = await api.finishBatch([
      entry(0, 1, '/batch/one'),
      entry(1, 2, '/batch/two'),
      entry(2, 1, '/batch/three'),
      entry(3, 4, '/batch/one'),
      entry(9, 4, '/batch/nine'),
    ])

    expect(status).toBe(200)
    expect(json.entries[0]).toMatchObject({ '.tag': 'success', path_lower: '/batch/one', size: 1 })
    expect(json.entries.slice(1).map(({ failure }: { failure: unknown }) => failure)).toEqual([
      { '.tag': 'lookup_failed', lookup_failed: { '.tag': 'not_closed' } },
      {
        '.tag': 'lookup_failed',
        lookup_failed: { '.tag': 'incorrect_offset', correct_offset: 3 },
      },
      { '.tag': 'path', path: { '.tag': 'conflict', conflict: { '.tag': 'file' } } },
      { '.tag': 'lookup_failed', lookup_failed: { '.tag': 'not_found' } },
    ])
    const again = await api.finishBatch([entry(3, 4, '/batch/four')])
    expect(again.json.entries[0]['.tag']).toBe('success')
  })

  it('opens many sessions at once, and takes no more than 1000 entries', async () => {
    const { api } = await start()

    const started = await api.rpc('files/upload_session/start_batch', { num_sessions: 3 })
    const entry = { id: 'x', offset: 0, commit: { path: '/a' } }
    const tooMany = await api.finishBatch(Array.from({ length: 1001 }, () => entry))

    expect(new Set(started.json.session_ids).size).toBe(3)
    expect(tooMany.status).toBe(400)
    expect(await api.append(started.json.session_ids[0], 0, content(1))).toMatchObject({
      status: 200,
    })
  })

  it('has busy entries on demand, which can be committed later', async () => {
    const { fixture, api } = await start()
    const ids = await Promise.all(
      [0, 1].map((seed) => api.start(content(5, seed), { close: true })),
    )
    const entries = ids.map((id, index) => ({ id, offset: 5, commit: { path: `/${index}` } }))
    await control(fixture, 'POST', 'faults', {
      route: '/2/files/upload_session/finish_batch_v2',
      action: 'entries-busy',
    })

    const first = await api.finishBatch(entries)
    const second = await api.finishBatch(entries.slice(0, 1))

    expect(first.json.entries).toEqual([
      { '.tag': 'failure', failure: { '.tag': 'too_many_write_operations' } },
      expect.objectContaining({ '.tag': 'success' }),
    ])
    expect(second.json.entries[0]['.tag']).toBe('success')
    expect(await api.names('')).toEqual(['1', '0'])
  })
})
