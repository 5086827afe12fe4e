import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createDynamoDbEngine } from '../../../infra/local/dynamodb/dynamodb-engine.ts'
import { until } from '../../support/until.ts'
import { RecordingWarden, startDatabase, TABLE, tableProperties } from './harness.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startOnDisk(dataDir?: string) {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'dynamodb-')))
  if (dataDir === undefined) cleanups.push(() => rm(folder, { recursive: true }))
  const database = await startDatabase({ dataDir: folder })
  cleanups.push(() => database.close())
  await database.engine.createTable(tableProperties())
  return { ...database, folder }
}

const key = (pk: string) => ({ pk, sk: 'a' })

/** Kills the database and waits until the runner has noticed and another one serves. */
async function killDatabase(database: Awaited<ReturnType<typeof startOnDisk>>): Promise<void> {
  const { pid } = database.engine
  process.kill(pid, 'SIGKILL')
  await until(() => database.engine.pid !== pid)
}

describe('the process of the database', () => {
  it('is watched while it lives and keeps its file across restarts', async () => {
    const first = await startOnDisk()
    expect([...first.warden.watched]).toEqual([first.engine.pid])
    await first.operator.put({ TableName: TABLE, Item: key('kept') })
    await first.close()
    expect(first.warden.watched.size).toBe(0)
    expect(() => process.kill(first.engine.pid, 0)).toThrow('ESRCH')

    const second = await startOnDisk(first.folder)

    const { Item } = await second.operator.get({ TableName: TABLE, Key: key('kept') })
    expect(Item).toEqual(key('kept'))
  })

  it('is started again when it dies, and watched again', async () => {
    const database = await startOnDisk()
    await database.operator.put({ TableName: TABLE, Item: key('kept') })

    for (let death = 0; death < 2; death++) {
      await killDatabase(database)
      const { Item } = await database.operator.get({ TableName: TABLE, Key: key('kept') })
      expect(Item).toEqual(key('kept'))
      expect([...database.warden.watched]).toEqual([database.engine.pid])
    }
  })

  it('loses nothing that it acknowledged when it is killed under writers', async () => {
    const database = await startOnDisk()
    // The client's own retries would hide what a caller sees; these writers repeat a write themselves.
    const failures = new Set<string>()
    const acknowledged: string[] = []
    let next = 0
    let stopped = false
    const write = async (): Promise<void> => {
      while (!stopped) {
        const id = String(++next)
        const writes = [key(`put-${id}`), key(`pair-${id}`)]
        try {
          if (next % 3 === 0) {
            await database.once.transactWrite({
              TransactItems: writes.map((Item) => ({ Put: { TableName: TABLE, Item } })),
            })
            acknowledged.push(`put-${id}`, `pair-${id}`)
          } else {
            await database.once.put({ TableName: TABLE, Item: key(`put-${id}`) })
            acknowledged.push(`put-${id}`)
          }
        } catch (error) {
          const { name, $metadata } = error as {
            name: string
            $metadata?: { httpStatusCode?: number }
          }
          failures.add(`${name} ${$metadata?.httpStatusCode}`)
        }
      }
    }
    const writers = Promise.all(Array.from({ length: 8 }, write))

    for (let death = 1; death <= 3; death++) {
      const before = acknowledged.length
      await until(() => acknowledged.length > before + 20)
      await killDatabase(database)
    }
    const before = acknowledged.length
    await until(() => acknowledged.length > before + 20)
    stopped = true
    await writers

    const stored = new Set<string>()
    let position: Record<string, unknown> | undefined
    do {
      const page = await database.operator.scan({
        TableName: TABLE,
        ...(position && { ExclusiveStartKey: position }),
      })
      for (const item of page.Items ?? []) stored.add(String(item['pk']))
      position = page.LastEvaluatedKey
    } while (position)
    expect(acknowledged.filter((it) => !stored.has(it))).toEqual([])
    const torn = [...stored].filter((it) => {
      const id = Number(it.split('-')[1])
      const other = it.startsWith('put') ? `pair-${id}` : `put-${id}`
      return id % 3 === 0 && !stored.has(other)
    })
    expect(torn).toEqual([])
    expect([...failures]).toEqual(['InternalServerError 500'])
  })

  it('stays dead in memory, where its data are gone', async () => {
    const database = await startDatabase()
    cleanups.push(() => database.close())
    await database.engine.createTable(tableProperties())
    process.kill(database.engine.pid, 'SIGKILL')

    await until(() => database.warden.watched.size === 0)
    await expect(
      database.operator.get({ TableName: TABLE, Key: key('gone') }),
    ).rejects.toMatchObject({ name: 'InternalServerError', $metadata: { httpStatusCode: 500 } })
  })

  it('is missed with a sentence that says what to do', async () => {
    const before = process.env['DYNOXIDE_BIN']
    process.env['DYNOXIDE_BIN'] = '/nowhere/dynoxide'
    try {
      await expect(
        createDynamoDbEngine({ clock: new LocalClock(), warden: new RecordingWarden() }),
      ).rejects.toThrow('DYNOXIDE_BIN names /nowhere/dynoxide, which does not exist.')
    } finally {
      if (before === undefined) delete process.env['DYNOXIDE_BIN']
      else process.env['DYNOXIDE_BIN'] = before
    }
  })
})
