/** What wakes functions without a request: queues, streams, events and schedules of the templates. */
import type { LocalClock } from './clock.ts'
import type { Closers } from './closers.ts'
import type { LambdaHost } from './lambda/lambda-host.ts'
import type { CloudEngines } from './provision/cloud-engines.ts'
import type { Provisioning } from './provision/provisioning.ts'
import { createEventBus, type EventBus } from './triggers/event-bus.ts'
import { type QueueMapping, startQueueMapping } from './triggers/queue-mapping.ts'
import { createSchedules, type Schedules } from './triggers/schedules.ts'
import { openStreamCheckpoints, type StreamCheckpoints } from './triggers/stream-checkpoints.ts'
import { type StreamMapping, startStreamMapping } from './triggers/stream-mapping.ts'

interface Wakes {
  bus: EventBus
  schedules: Schedules
  /** By function name. */
  mappings: ReadonlyMap<string, QueueMapping>
  /** By function name. */
  streamMappings: ReadonlyMap<string, StreamMapping>
  /** Has everything do what has become due. */
  clockMoved(): void
}

interface Ports {
  sqs: CloudEngines['sqs']
  lambda: LambdaHost
  clock: LocalClock
}

export async function startWaking(
  provisioned: Provisioning,
  options: { lambda: LambdaHost; clock: LocalClock; dataDir: string; closers: Closers },
): Promise<Wakes> {
  const { lambda, clock, dataDir, closers } = options
  const { engines, rules } = provisioned
  const ports: Ports = { sqs: engines.sqs, lambda, clock }
  const bus = createEventBus({ ...ports, rules })
  closers.add(() => bus.close())
  engines.s3.onObjectEvent((event) => bus.put({ ...event }))
  const schedules = createSchedules({ ...ports, rules, schedules: provisioned.schedules })
  closers.add(() => schedules.close())
  const mappings = startMappings(provisioned, ports)
  closers.add(() => closeEach(mappings))
  const checkpoints = openStreamCheckpoints(dataDir)
  closers.add(() => checkpoints.close())
  const streamMappings = await startStreamMappings(provisioned, { ...ports, checkpoints })
  closers.add(() => closeEach(streamMappings))
  return {
    bus,
    schedules,
    mappings,
    streamMappings,
    clockMoved() {
      bus.clockMoved()
      schedules.clockMoved()
      for (const mapping of [...mappings.values(), ...streamMappings.values()]) {
        mapping.clockMoved()
      }
    },
  }
}

async function closeEach(mappings: Map<string, { close(): Promise<void> }>): Promise<void> {
  await Promise.all([...mappings.values()].map((mapping) => mapping.close()))
}

function startMappings(
  { mappings, functions }: Provisioning,
  ports: Ports,
): Map<string, QueueMapping> {
  return new Map(
    mappings.map((mapping) => {
      const fn = functions.find(({ name }) => name === mapping.FunctionName)
      const started = startQueueMapping({
        ...ports,
        mapping,
        functionTimeoutSeconds: fn?.timeoutSeconds ?? 0,
      })
      return [mapping.FunctionName, started]
    }),
  )
}

async function startStreamMappings(
  { streamMappings, engines }: Provisioning,
  { sqs: queues, ...ports }: Ports & { checkpoints: StreamCheckpoints },
): Promise<Map<string, StreamMapping>> {
  const started = new Map<string, StreamMapping>()
  for (const mapping of streamMappings) {
    const stream = await engines.dynamodb.openStream(mapping.EventSourceArn)
    started.set(mapping.FunctionName, startStreamMapping({ ...ports, queues, stream, mapping }))
  }
  return started
}
