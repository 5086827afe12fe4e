import { expect, onTestFinished, test } from 'vitest'
import { openStreamCheckpoints } from '../../../infra/local/triggers/stream-checkpoints.ts'
import { startStreamMapping } from '../../../infra/local/triggers/stream-mapping.ts'
import { until } from '../../support/until.ts'
import { startDatabase, TABLE, TABLE_ARN, tableProperties } from '../dynamodb/harness.ts'
import { startTestHost } from '../lambda/test-host.ts'
import { recordingQueues } from './fakes.ts'

test('what is written to a table reaches a function once, also over a restart of its trigger', async () => {
  const { host, dataDir, given, logOf } = startTestHost()
  const database = await startDatabase()
  await database.engine.createTable(tableProperties())
  given(
    'dispatch',
    `exports.handler = async ({ Records }) => {
      for (const { eventName, eventSource, eventSourceARN, dynamodb: { Keys, NewImage, SequenceNumber } } of Records) {
        console.log('got', eventName, eventSource, eventSourceARN.split('/')[1], Keys.pk.S, NewImage.note.S, typeof SequenceNumber)
      }
    }`,
  )
  const start = async () =>
    startStreamMapping({
      stream: await database.engine.openStream(TABLE_ARN),
      lambda: host,
      queues: recordingQueues(),
      clock: database.clock,
      checkpoints,
      mapping: {
        EventSourceArn: `${TABLE_ARN}/stream/x`,
        FunctionName: 'dispatch',
        StartingPosition: 'TRIM_HORIZON',
        FilterCriteria: {
          Filters: [
            {
              Pattern: JSON.stringify({
                eventName: ['INSERT'],
                dynamodb: { Keys: { pk: { S: [{ prefix: 'event#' }] } } },
              }),
            },
          ],
        },
      },
    })
  const checkpoints = openStreamCheckpoints(dataDir)
  onTestFinished(async () => {
    checkpoints.close()
    await database.close()
  })
  const write = (pk: string, note: string) =>
    database.operator.put({ TableName: TABLE, Item: { pk, sk: 'x', note } })
  const seen = () => logOf('dispatch').match(/got .*/g) ?? []
  const line = (pk: string, note: string) => `got INSERT aws:dynamodb ${TABLE} ${pk} ${note} string`

  await write('event#1', 'first')
  await write('upload#1', 'filtered')
  await write('event#1', 'changed')
  const first = await start()
  await until(() => seen().length === 1)
  const { streamArn } = await database.engine.openStream(TABLE_ARN)
  const position = () => checkpoints.find(streamArn, 'dispatch')
  const before = await until(() => position())
  await first.close()
  await write('event#2', 'while nobody read')
  const second = await start()
  await write('event#3', 'third')
  await until(() => seen().length === 3)
  await until(() => position() !== before)
  await second.close()

  expect(seen()).toEqual([
    line('event#1', 'first'),
    line('event#2', 'while nobody read'),
    line('event#3', 'third'),
  ])
})
