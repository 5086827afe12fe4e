/**
 * The whole service on one machine: a synthesized cloud assembly brought to life in one process,
 * with the functions and the database as its children. `npm start` and the tests use it alike.
 *
 * The application knows nothing of it: over the template's variables it gets the AWS endpoint and
 * the provider's base URLs, and the origin parameter holds the loopback address of the edge.
 *
 * On disk, under `dataDir`: `runner.lock`, `operator.json`, `credentials.key`, one folder for each
 * engine and emulator, and `logs/`, `code/`, `async.db`, `streams.db` of the functions.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ENV } from '../../shared/platform/env-names.ts'
import { LocalClock } from './clock.ts'
import { type OperatorCredentials, operatorCredentials, roleCredentials } from './credentials.ts'
import { lockDataFolder } from './data-lock.ts'
import { createDynamoDbEngine } from './dynamodb/dynamodb-engine.ts'
import type { LocalControl, LocalUrls, QueueStatus } from './edge/control-routes.ts'
import { createEdgeServer } from './edge/edge-server.ts'
import { createBucketOrigin } from './edge/site-bucket.ts'
import { type AwsEngine, LOCAL_ACCOUNT_ID } from './engine.ts'
import { createGateway, type Gateway } from './gateway/gateway.ts'
import { PrincipalStore } from './gateway/principals.ts'
import { createHttpApi } from './http-api/http-api.ts'
import type { HttpApi } from './http-api/http-api-types.ts'
import { createKmsEngine } from './kms/kms-engine.ts'
import type { LambdaLogLine } from './lambda/invocation.ts'
import { createLambdaHost, type LambdaHost } from './lambda/lambda-host.ts'
import { startWarden } from './lambda/warden.ts'
import {
  createDropboxEmulator,
  type DropboxEmulator,
} from './providers/dropbox/dropbox-emulator.ts'
import { createGoogleEmulator, type GoogleEmulator } from './providers/google/google-emulator.ts'
import type { CloudEngines } from './provision/cloud-engines.ts'
import { inertResources, provision, resolveAssembly } from './provision/provision.ts'
import type { Provisioning } from './provision/provisioning.ts'
import { createS3Engine } from './s3/s3-engine.ts'
import { createParametersEngine } from './secrets/parameters-engine.ts'
import { createSecretsEngine } from './secrets/secrets-engine.ts'
import { createSqsEngine } from './sqs/sqs-engine.ts'
import { readAssembly } from './template/assembly.ts'
import type { ResolvedStacks } from './template/resolve-stacks.ts'
import { createEventBus, type EventBus } from './triggers/event-bus.ts'
import { type QueueMapping, startQueueMapping } from './triggers/queue-mapping.ts'
import { createSchedules, type Schedules } from './triggers/schedules.ts'
import { openStreamCheckpoints, type StreamCheckpoints } from './triggers/stream-checkpoints.ts'
import { type StreamMapping, startStreamMapping } from './triggers/stream-mapping.ts'
import { uploadSite } from './upload-site.ts'

export interface LocalCloudOptions {
  /** Cloud assembly of the stage `local`. */
  assemblyDir: string
  /** Built pages. */
  siteDir: string
  /** Every state; two clouds cannot share one. */
  dataDir: string
  /** 0 takes a free port. */
  ports: { edge: number; aws: number; google: number; dropbox: number }
  clock?: LocalClock
  /** Values of secrets by name, over those of the template. */
  seedSecrets?: Record<string, string>
  /** Variables for every function, over those of the template. */
  environment?: Record<string, string>
  /** Versions that the status shows. */
  versions?: Record<string, string>
  onLog?: (line: LambdaLogLine) => void
  /** Everything serves, but the status does not say so before this has resolved. */
  beforeReady?: (appUrl: string) => Promise<void>
  /** A step of the start is done. */
  onProgress?: (step: string) => void
}

export interface LocalCloud extends CloudEngines {
  readonly urls: LocalUrls
  readonly clock: LocalClock
  readonly operator: OperatorCredentials
  readonly gateway: Gateway
  readonly principals: PrincipalStore
  readonly lambda: LambdaHost
  readonly httpApi: HttpApi
  readonly bus: EventBus
  readonly schedules: Schedules
  /** By function name. */
  readonly mappings: ReadonlyMap<string, QueueMapping>
  /** By function name. */
  readonly streamMappings: ReadonlyMap<string, StreamMapping>
  readonly google: GoogleEmulator
  readonly dropbox: DropboxEmulator
  /** Resources with their names, and what was made of them. */
  readonly stacks: ResolvedStacks
  readonly provisioned: Provisioning
  /** What of the templates does nothing here. */
  readonly inert: { resource: string; reason: string }[]
  /** Moves the clock of everything and does what has become due. */
  advanceClock(seconds: number): Promise<void>
  close(): Promise<void>
}

export class ForeignEndpointError extends Error {
  override name = 'ForeignEndpointError' as const

  constructor(variable: string, value: string) {
    super(`${variable} is ${value}: the local cloud never speaks to AWS; unset it first`)
  }
}

/** More than the queue mappings of the stage take together, so that the API is never throttled here. */
const MAX_CONCURRENCY = 32

export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  refuseForeignEndpoints(process.env)
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    for (const close of closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        // What cannot be closed must not keep the rest open: processes, files and the lock.
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The local cloud closed badly')
  }
  try {
    return await start(options, (close) => closers.push(close), closeAll)
  } catch (error) {
    // Why it did not start matters more than what its remains do.
    await closeAll().catch(() => undefined)
    throw error
  }
}

async function start(
  options: LocalCloudOptions,
  onClose: (close: () => Promise<void> | void) => void,
  close: () => Promise<void>,
): Promise<LocalCloud> {
  const { dataDir, ports } = options
  const clock = options.clock ?? new LocalClock()
  const progress = options.onProgress ?? (() => undefined)
  const assembly = readAssembly(options.assemblyDir)
  const lock = lockDataFolder(dataDir)
  onClose(() => lock.release())
  const operator = operatorCredentials(dataDir)
  const warden = startWarden()
  onClose(() => warden.close())

  // The ports come first: one that is taken must be known before anything else is done.
  const urls: LocalUrls = { app: '', aws: '', google: '', dropbox: '' }
  let isReady = false
  const versions = { node: process.versions.node, ...options.versions }
  const local: { control: Omit<LocalControl, 'status'> | undefined } = { control: undefined }
  const edge = createEdgeServer(lateControl(local, () => ({ ready: isReady, urls, versions })))
  const edgePort = (await edge.listen(ports.edge)).port
  onClose(() => edge.close())
  urls.app = `http://127.0.0.1:${edgePort}`

  const google = createGoogleEmulator({ dataDir: folder(dataDir, 'google'), clock })
  onClose(() => google.close())
  urls.google = (await google.listen(ports.google)).url
  const dropbox = createDropboxEmulator({ dataDir: folder(dataDir, 'dropbox'), clock })
  onClose(() => dropbox.close())
  urls.dropbox = (await dropbox.listen(ports.dropbox)).url

  const kms = createKmsEngine({ dataDir: folder(dataDir, 'kms'), clock })
  const engines: CloudEngines = {
    dynamodb: await createDynamoDbEngine({ dataDir: folder(dataDir, 'dynamodb'), clock, warden }),
    s3: createS3Engine({ dataDir: folder(dataDir, 's3'), clock }),
    sqs: createSqsEngine({ dataDir: folder(dataDir, 'sqs'), clock, baseUrl: () => urls.aws }),
    kms,
    secrets: createSecretsEngine({ dataDir: folder(dataDir, 'secrets'), clock }),
    parameters: createParametersEngine({ dataDir: folder(dataDir, 'secrets'), clock, kms }),
  }
  for (const engine of Object.values<AwsEngine>({ ...engines })) onClose(() => engine.close())
  const principals = new PrincipalStore()
  principals.register({
    ...operator,
    arn: `arn:aws:iam::${LOCAL_ACCOUNT_ID}:user/operator`,
    policies: 'unrestricted',
  })
  const gateway = createGateway({
    engines: {
      dynamodb: engines.dynamodb,
      s3: engines.s3,
      sqs: engines.sqs,
      kms: engines.kms,
      secretsmanager: engines.secrets,
      ssm: engines.parameters,
    },
    principals,
    clock,
  })
  const awsPort = (await gateway.listen(ports.aws)).port
  onClose(() => gateway.close())
  urls.aws = `http://127.0.0.1:${awsPort}`
  progress('Engines and emulators listen')

  const stacks = resolveAssembly(assembly, {
    awsHost: `127.0.0.1:${awsPort}`,
    edgeHost: `127.0.0.1:${edgePort}`,
  })
  const provisioned = await provision(assembly, stacks, engines)
  progress(`${stacks.resources.length} resources of ${assembly.stacks.length} stacks are in place`)

  const lambda = createLambdaHost({
    clock,
    warden,
    dataDir,
    overlayEnv: {
      AWS_ENDPOINT_URL: urls.aws,
      [ENV.googleAccountsUrl]: urls.google,
      [ENV.googleOauthUrl]: urls.google,
      [ENV.googleApiUrl]: urls.google,
      [ENV.dropboxWwwUrl]: urls.dropbox,
      [ENV.dropboxApiUrl]: urls.dropbox,
      [ENV.dropboxContentUrl]: urls.dropbox,
      ...options.environment,
    },
    queues: engines.sqs,
    maxConcurrency: MAX_CONCURRENCY,
    ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
  })
  onClose(() => lambda.close())
  registerFunctions(provisioned, lambda, principals, dataDir)
  setOrigin(provisioned, urls.app)
  connectProviders(provisioned, { google, dropbox }, urls.app)
  for (const [name, value] of Object.entries(options.seedSecrets ?? {})) {
    engines.secrets.putValue(name, value)
  }

  const wakes = { sqs: engines.sqs, lambda, clock }
  const bus = createEventBus({ ...wakes, rules: provisioned.rules })
  onClose(() => bus.close())
  engines.s3.onObjectEvent((event) => bus.put({ ...event }))
  const schedules = createSchedules({
    ...wakes,
    rules: provisioned.rules,
    schedules: provisioned.schedules,
  })
  onClose(() => schedules.close())
  const mappings = startMappings(provisioned, wakes)
  onClose(async () => {
    await Promise.all([...mappings.values()].map((mapping) => mapping.close()))
  })
  const checkpoints = openStreamCheckpoints(dataDir)
  onClose(() => checkpoints.close())
  const streamMappings = await startStreamMappings(provisioned, { ...wakes, checkpoints })
  onClose(async () => {
    await Promise.all([...streamMappings.values()].map((mapping) => mapping.close()))
  })

  const apis = new Map(
    provisioned.apis.map((api) => [api.apiId, createHttpApi({ ...api, lambda, clock })]),
  )
  const [httpApi] = apis.values()
  const [distribution] = provisioned.distributions
  if (httpApi === undefined || distribution === undefined) {
    throw new Error('the stacks have no HTTP API or no distribution')
  }
  for (const origin of distribution.origins.values()) {
    if (origin.kind === 'bucket') await uploadSite(engines.s3, origin.bucketName, options.siteDir)
  }
  edge.serve(distribution, {
    bucket: createBucketOrigin(engines.s3, distribution.id),
    api: (apiId) => apis.get(apiId),
  })

  const advanceClock = async (seconds: number): Promise<void> => {
    clock.advance(seconds)
    await Promise.all([engines.s3.runLifecycle(), engines.dynamodb.expireItems()])
    engines.sqs.clockMoved()
    lambda.clockMoved()
    bus.clockMoved()
    schedules.clockMoved()
    for (const mapping of [...mappings.values(), ...streamMappings.values()]) mapping.clockMoved()
  }
  local.control = {
    queues: () => engines.sqs.stats().map(queueStatus),
    schedules: () => schedules.list().map(({ name }) => name),
    async runSchedule(name) {
      if (!schedules.list().some((schedule) => schedule.name === name)) return false
      await schedules.run(name)
      return true
    },
    async advanceClock(seconds) {
      await advanceClock(seconds)
      return clock.now()
    },
  }
  lambda.resumeAsync()
  await options.beforeReady?.(urls.app)
  isReady = true
  return {
    ...engines,
    urls,
    clock,
    operator,
    gateway,
    principals,
    lambda,
    httpApi,
    bus,
    schedules,
    mappings,
    streamMappings,
    google,
    dropbox,
    stacks,
    provisioned,
    inert: inertResources(stacks),
    advanceClock,
    async close() {
      isReady = false
      await close()
    },
  }
}

/** Someone's variable that leads to AWS must not mix real resources into a local run. */
function refuseForeignEndpoints(environment: NodeJS.ProcessEnv): void {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (name.startsWith('AWS_ENDPOINT_URL') && /amazonaws\.com/i.test(value)) {
      throw new ForeignEndpointError(name, value)
    }
  }
}

function folder(dataDir: string, name: string): string {
  const path = join(dataDir, name)
  mkdirSync(path, { recursive: true })
  return path
}

/** The control of a cloud that is still starting: only its status can be asked. */
function lateControl(
  local: { control: Omit<LocalControl, 'status'> | undefined },
  status: LocalControl['status'],
): LocalControl {
  const started = (): Omit<LocalControl, 'status'> => {
    if (local.control === undefined) throw new Error('the local cloud is starting')
    return local.control
  }
  return {
    status,
    queues: () => started().queues(),
    schedules: () => started().schedules(),
    runSchedule: (name) => started().runSchedule(name),
    advanceClock: (seconds) => started().advanceClock(seconds),
  }
}

function registerFunctions(
  { functions, principals: roles }: Provisioning,
  lambda: LambdaHost,
  principals: PrincipalStore,
  dataDir: string,
): void {
  for (const fn of functions) {
    const role = roles.find(({ functionName }) => functionName === fn.name)
    if (role === undefined) throw new Error(`function ${fn.name} has no role`)
    const credentials = roleCredentials(dataDir, fn.name)
    principals.register({
      ...credentials,
      arn: role.arn,
      sessionName: fn.name,
      policies: role.policies,
    })
    lambda.register({ ...fn, credentials })
  }
}

/** The template makes the origin from the distribution's name, which on loopback is plain HTTP. */
function setOrigin({ functions, engines }: Provisioning, origin: string): void {
  for (const name of variableValues(functions, ENV.originParameter)) {
    engines.parameters.put(name, origin)
  }
}

/** Makes the app's OAuth clients known to the emulators, and the clients' secrets to the app. */
function connectProviders(
  { functions, engines }: Provisioning,
  emulators: { google: GoogleEmulator; dropbox: DropboxEmulator },
  origin: string,
): void {
  const providers = [
    {
      id: 'google',
      variable: ENV.googleOauthSecret,
      newClient: () => ({
        clientId: `${randomBytes(6).toString('hex')}.apps.googleusercontent.com`,
        clientSecret: `GOCSPX-${randomBytes(21).toString('base64url')}`,
      }),
    },
    {
      id: 'dropbox',
      variable: ENV.dropboxOauthSecret,
      newClient: () => ({
        clientId: randomBytes(8).toString('hex').slice(0, 15),
        clientSecret: randomBytes(8).toString('hex').slice(0, 15),
      }),
    },
  ] as const
  for (const { id, variable, newClient } of providers) {
    for (const secretId of variableValues(functions, variable)) {
      const client = storedClient(engines, secretId) ?? newClient()
      engines.secrets.putValue(secretId, JSON.stringify(client))
      emulators[id].registerClient({
        ...client,
        redirectUris: [`${origin}/api/auth/callback/${id}`, `${origin}/api/oauth/${id}/callback`],
      })
    }
  }
}

function storedClient(
  { secrets }: CloudEngines,
  secretId: string,
): { clientId: string; clientSecret: string } | undefined {
  const clientId = secrets.getValue(secretId, 'clientId')
  const clientSecret = secrets.getValue(secretId, 'clientSecret')
  return clientId && clientSecret ? { clientId, clientSecret } : undefined
}

function variableValues(functions: Provisioning['functions'], name: string): Set<string> {
  return new Set(
    functions.flatMap(({ environment }) => {
      const value = environment[name]
      return value === undefined ? [] : [value]
    }),
  )
}

function startMappings(
  { mappings, functions }: Provisioning,
  ports: { sqs: CloudEngines['sqs']; lambda: LambdaHost; clock: LocalClock },
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
  ports: {
    sqs: CloudEngines['sqs']
    lambda: LambdaHost
    clock: LocalClock
    checkpoints: StreamCheckpoints
  },
): Promise<Map<string, StreamMapping>> {
  const started = new Map<string, StreamMapping>()
  for (const mapping of streamMappings) {
    const stream = await engines.dynamodb.openStream(mapping.EventSourceArn)
    const { sqs: queues, ...others } = ports
    started.set(mapping.FunctionName, startStreamMapping({ ...others, queues, stream, mapping }))
  }
  return started
}

function queueStatus(stats: ReturnType<CloudEngines['sqs']['stats']>[number]): QueueStatus {
  return {
    name: stats.name,
    visible: stats.available,
    inFlight: stats.inFlight,
    delayed: stats.delayed,
  }
}
