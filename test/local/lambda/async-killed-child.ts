/** Accepts an event, notes a position, says so and works on without end, until it is killed. */
import { createAlarms } from '../../../infra/local/alarms.ts'
import { createAsyncInvoker } from '../../../infra/local/lambda/async-invoker.ts'
import { openStreamCheckpoints } from '../../../infra/local/triggers/stream-checkpoints.ts'

const [dataDir = '', nowMs] = process.argv.slice(2)
const clock = { now: () => Number(nowMs) }
const invoker = createAsyncInvoker({
  dataDir,
  clock,
  alarms: createAlarms(clock),
  queues: undefined,
  findFunction: (name) => ({
    name,
    codeDir: '/',
    handler: 'index.handler',
    memoryMb: 128,
    timeoutSeconds: 60,
    environment: {},
    credentials: { accessKeyId: '', secretAccessKey: '', sessionToken: '' },
  }),
  execute: () => new Promise(() => setInterval(() => {}, 1000)),
})
invoker.accept('sweep', { requestId: 'req', body: '{"a":1}', traceHeader: 'Root=1-a' })
openStreamCheckpoints(dataDir).save('stream', 'sweep', '17')
process.stdout.write('accepted\n')
