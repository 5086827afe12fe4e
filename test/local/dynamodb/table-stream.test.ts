import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../support/until.ts'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from './harness.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stream-'))
  cleanups.push(() => rm(folder, { recursive: true }))
  return folder
}

async function start(dataDir?: string) {
  const database = await startDatabase({ dataDir })
  cleanups.push(() => database.close())
  const { streamArn = '' } = await database.engine.createTable(tableProperties())
  return {
    ...database,
    streamArn,
    put: (pk: string, more: object = {}) =>
      database.operator.put({ TableName: TABLE, Item: { pk, sk: 'a', ...more } }),
  }
}

const namesOf = (
  records: { dynamodb: { Keys: { [name: string]: { [type: string]: unknown } } } }[],
) => records.map((it) => it.dynamodb.Keys['pk']?.['S'])

describe('the stream of a table, as a trigger reads it', () => {
  it('gives records in the form of a Lambda event, from the oldest on', async () => {
    const { engine, streamArn, put } = await start()
    await put('one')
    const stream = await engine.openStream(TABLE_ARN)

    const { records } = await stream.read(undefined)

    expect(records).toEqual([
      {
        eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventName: 'INSERT',
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: 'us-east-1',
        eventSourceARN: streamArn,
        dynamodb: {
          ApproximateCreationDateTime: expect.any(Number),
          Keys: { pk: { S: 'one' }, sk: { S: 'a' } },
          NewImage: { pk: { S: 'one' }, sk: { S: 'a' } },
          SequenceNumber: expect.stringMatching(/^\d{21}$/),
          SizeBytes: expect.any(Number),
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        },
      },
    ])
  })

  it('goes on from a position, past writes that changed nothing', async () => {
    const { engine, streamArn, put } = await start()
    const stream = await engine.openStream(streamArn)
    const names = Array.from({ length: 12 }, (_, at) => `item ${at}`)
    for (const name of names) await put(name)
    for (const name of names) await put(name)

    const seen: unknown[] = []
    let position: string | undefined
    for (let more = true; more; ) {
      const page = await stream.read(position, 5)
      seen.push(...namesOf(page.records))
      more = page.position !== position
      position = page.position
    }

    expect(seen).toEqual(names)
    expect(position).toBe(await stream.latest())
    await put('last')
    expect(namesOf((await stream.read(position)).records)).toEqual(['last'])
  })

  it('has a latest position before the first write too', async () => {
    const { engine, put } = await start()
    const stream = await engine.openStream(TABLE_ARN)
    const position = await stream.latest()
    await put('first')

    expect(namesOf((await stream.read(position)).records)).toEqual(['first'])
  })

  it('keeps its positions when the database is killed and when the cloud is started again', async () => {
    const folder = await makeFolder()
    const first = await start(folder)
    await first.put('before')
    const stream = await first.engine.openStream(TABLE_ARN)
    const { position } = await stream.read(undefined)
    const { pid } = first.engine
    process.kill(pid, 'SIGKILL')
    await until(() => first.engine.pid !== pid)
    await first.put('after the kill')
    expect(namesOf((await stream.read(position)).records)).toEqual(['after the kill'])
    await first.close()

    const second = await start(folder)
    await second.put('after the start')

    const { records } = await (await second.engine.openStream(TABLE_ARN)).read(position)
    expect(namesOf(records)).toEqual(['after the kill', 'after the start'])
    expect(second.streamArn).toBe(first.streamArn)
  })

  it('is missed by name where a table has none', async () => {
    const { engine } = await start()

    await expect(engine.openStream(`${TABLE_ARN}-none`)).rejects.toThrow(
      `Table ${TABLE}-none has no stream`,
    )
  })
})

describe('the file of a stream', () => {
  it('has an index of its numbers, and loses at a start what is a day older than the newest', async () => {
    const folder = await makeFolder()
    const first = await start(folder)
    for (const name of ['old', 'young', 'newest']) await first.put(name)
    await first.close()
    const file = new DatabaseSync(join(folder, 'dynamodb.db'))
    file.exec(
      `UPDATE _stream_records SET created_at = created_at - 86410 WHERE keys_json LIKE '%"old"%';
       UPDATE _stream_records SET created_at = created_at - 80000 WHERE keys_json LIKE '%"young"%'`,
    )
    const plan = file
      .prepare(
        `EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER))
         FROM _stream_records WHERE table_name = ?`,
      )
      .all(TABLE)
    file.close()
    expect(JSON.stringify(plan)).toContain('USING COVERING INDEX stream_numbers')

    const second = await start(folder)

    const stream = await second.engine.openStream(TABLE_ARN)
    expect(namesOf((await stream.read(undefined)).records)).toEqual(['young', 'newest'])
  })
})
