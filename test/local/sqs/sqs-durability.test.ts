import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createSqsEngine, type SqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sqs-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

const open = (): SqsEngine =>
  createSqsEngine({ dataDir, clock: new LocalClock(), baseUrl: () => 'http://127.0.0.1' })

describe('kill -9', () => {
  it('loses no acknowledged send and brings back no acknowledged delete', async () => {
    const child = spawn(process.execPath, [
      join(import.meta.dirname, 'sqs-killed-child.ts'),
      dataDir,
    ])
    const sent = new Set<string>()
    const deleting = new Set<string>()
    const deleted = new Set<string>()
    const died = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, id] = line.split(' ')
      if (what === 'sent') sent.add(id ?? '')
      if (what === 'deleting') deleting.add(id ?? '')
      if (what === 'deleted') deleted.add(id ?? '')
      // Read on to the end: what it said before its death counts as acknowledged.
      if (deleted.size === 100) child.kill('SIGKILL')
    }

    await died

    const engine = open()
    const [queue] = engine.stats()
    const left = new Set<string>()
    for (;;) {
      const options = { maxMessages: 10, waitMs: 0, visibilitySeconds: 600 }
      const messages = await engine.receive(queue?.arn ?? '', options)
      if (messages.length === 0) break
      for (const { messageId } of messages) left.add(messageId)
    }
    await engine.close()

    expect(deleted.size).toBeGreaterThanOrEqual(100)
    // A delete may have been done and its word not spoken: such a message may be gone or there.
    expect([...sent].filter((id) => !deleting.has(id) && !left.has(id))).toEqual([])
    expect([...deleted].filter((id) => left.has(id))).toEqual([])
  })
})

describe('a restart', () => {
  it('keeps queues, their policies and what is in flight; the file is the owner’s alone', async () => {
    const policy = { Version: '2012-10-17', Statement: [] }
    const before = open()
    const { arn } = before.createQueue({ name: 'restarted', VisibilityTimeout: 600 })
    before.setQueuePolicy(arn, policy)
    before.send(arn, 'x')
    const [held] = await before.receive(arn, { maxMessages: 1, waitMs: 0 })
    await before.close()

    const after = open()

    expect(after.resourcePolicy(arn)).toEqual(policy)
    expect(await after.receive(arn, { maxMessages: 1, waitMs: 0 })).toEqual([])
    after.deleteBatch(arn, [held?.receiptHandle ?? ''])
    expect(after.stats().find((it) => it.arn === arn)?.inFlight).toBe(0)
    await after.close()
    expect((await stat(join(dataDir, 'sqs.db'))).mode & 0o777).toBe(0o600)
  })
})
