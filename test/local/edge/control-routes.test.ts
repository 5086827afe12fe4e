import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONTROL_URLS, type Edge, startEdge } from './make-edge.ts'

const json = { 'content-type': 'application/json' }
let edge: Edge

beforeEach(async () => {
  edge = await startEdge()
})
afterEach(() => edge.close())

describe('control routes', () => {
  it('say when everything is ready; until then they do nothing', async () => {
    edge.control.ready = false
    const early = await edge.send('GET', '/_local/status')
    const queues = await edge.send('GET', '/_local/queues')
    edge.control.ready = true
    const ready = await edge.send('GET', '/_local/status')

    expect([early.statusCode, queues.statusCode]).toEqual([503, 503])
    expect(ready.statusCode).toBe(200)
    expect(JSON.parse(ready.body.toString())).toEqual({
      ready: true,
      urls: CONTROL_URLS,
      versions: { node: '24' },
    })
  })

  it('show queues, run schedules and move the clock', async () => {
    const queues = await edge.send('GET', '/_local/queues')
    const run = await edge.send('POST', '/_local/schedules/sweep/run', { headers: json })
    const unknown = await edge.send('POST', '/_local/schedules/nothing/run', { headers: json })
    const clock = await edge.send('POST', '/_local/clock', {
      headers: json,
      body: '{"advanceSeconds":60}',
    })

    expect(JSON.parse(queues.body.toString())).toEqual({
      queues: [{ name: 'intake', visible: 1, inFlight: 0, delayed: 0 }],
    })
    expect([run.statusCode, unknown.statusCode]).toEqual([202, 404])
    expect(JSON.parse(clock.body.toString())).toEqual({ now: '2030-01-01T00:00:00.000Z' })
    expect(edge.control.calls).toEqual(['run sweep', 'run nothing', 'advance 60'])
  })

  it.each(['', '{', '{"advanceSeconds":-1}', '{"advanceSeconds":1,"more":1}', '[]'])(
    'refuse to move the clock by %j',
    async (body) => {
      const reply = await edge.send('POST', '/_local/clock', { headers: json, body })

      expect(reply.statusCode).toBe(400)
      expect(edge.control.calls).toEqual([])
    },
  )

  it('cannot be used by a page of another origin', async () => {
    const path = '/_local/schedules/sweep/run'
    const simpleForm = { 'content-type': 'text/plain' }
    const foreign = { ...json, origin: 'https://evil.example' }

    const replies = await Promise.all([
      edge.send('POST', path, { headers: simpleForm, body: '{}' }),
      edge.send('POST', path),
      edge.send('POST', path, { headers: foreign }),
      edge.send('POST', path, { headers: { ...json, origin: 'null' } }),
      edge.send('GET', '/_local/status', { headers: { origin: 'https://evil.example' } }),
      edge.send('OPTIONS', path, {
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      }),
    ])

    expect(replies.map(({ statusCode }) => statusCode)).toEqual([415, 415, 403, 403, 403, 403])
    expect(edge.control.calls).toEqual([])
    for (const { headers } of replies) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  it('take calls of their own origin', async () => {
    const origin = `http://127.0.0.1:${edge.port}`

    const reply = await edge.send('POST', '/_local/schedules/sweep/run', {
      headers: { ...json, origin },
    })

    expect(reply.statusCode).toBe(202)
  })

  it('change nothing by GET, and name the method that does', async () => {
    const run = await edge.send('GET', '/_local/schedules/sweep/run')
    const queues = await edge.send('POST', '/_local/queues', { headers: json })
    const unknown = await edge.send('GET', '/_local/nothing')

    expect([run.statusCode, run.headers['allow']]).toEqual([405, 'POST'])
    expect([queues.statusCode, queues.headers['allow']]).toEqual([405, 'GET, HEAD'])
    expect(unknown.statusCode).toBe(404)
    expect(edge.control.calls).toEqual([])
  })
})
