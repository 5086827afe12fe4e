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
import { ENV } from '../../shared/platform/env-names.ts'
import type { OauthClientSecret } from '../../shared/platform/secrets.ts'
import { OAUTH_PROVIDER_IDS, type OauthProviderId } from '../../shared/providers/providers.ts'
import { startAwsEndpoint } from './aws-endpoint.ts'
import { LocalClock } from './clock.ts'
import { Closers } from './closers.ts'
import { type OperatorCredentials, operatorCredentials, roleCredentials } from './credentials.ts'
import { lockDataFolder } from './data-lock.ts'
import type { LocalUrls } from './edge/control-routes.ts'
import { createEdgeServer } from './edge/edge-server.ts'
import { createBucketOrigin } from './edge/site-bucket.ts'
import type { Gateway } from './gateway/gateway.ts'
import type { PrincipalStore } from './gateway/principals.ts'
import { createHttpApi } from './http-api/http-api.ts'
import type { HttpApi } from './http-api/http-api-types.ts'
import type { LambdaLogLine } from './lambda/invocation.ts'
import { createLambdaHost, type LambdaHost } from './lambda/lambda-host.ts'
import { startWarden } from './lambda/warden.ts'
import { LateControl, queueStatus } from './late-control.ts'
import {
  connectProviders,
  createEmulators,
  emulatorVariables,
  ofEach,
} from './provider-emulators.ts'
import type { CloudEngines } from './provision/cloud-engines.ts'
import { inertResources, provision, resolveAssembly } from './provision/provision.ts'
import type { Provisioning } from './provision/provisioning.ts'
import { readAssembly } from './template/assembly.ts'
import type { ResolvedStacks } from './template/resolve-stacks.ts'
import type { EventBus } from './triggers/event-bus.ts'
import type { QueueMapping } from './triggers/queue-mapping.ts'
import type { Schedules } from './triggers/schedules.ts'
import type { StreamMapping } from './triggers/stream-mapping.ts'
import { uploadSite } from './upload-site.ts'
import { variableValues } from './variable-values.ts'
import { startWaking } from './wake-functions.ts'

/** What listens, in the order of the ports of `npm start`. */
export const LISTENERS = ['edge', 'aws', ...OAUTH_PROVIDER_IDS] as const
type Listener = (typeof LISTENERS)[number]

export interface LocalCloudOptions {
  /** Cloud assembly of the stage `local`. */
  assemblyDir: string
  /** Built pages. */
  siteDir: string
  /** Every state; two clouds cannot share one. */
  dataDir: string
  /** Without a number, or with 0, it is a free one. */
  ports?: Partial<Record<Listener, number>>
  clock?: LocalClock
  /** OAuth clients of the app, instead of those that it has had or gets. */
  oauthClients?: Partial<Record<OauthProviderId, OauthClientSecret>>
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
  const closers = new Closers()
  try {
    return await start(options, closers)
  } catch (error) {
    // Why it did not start matters more than what its remains do.
    await closers.closeAll().catch(() => undefined)
    throw error
  }
}

async function start(options: LocalCloudOptions, closers: Closers): Promise<LocalCloud> {
  const { dataDir, ports = {} } = options
  const clock = options.clock ?? new LocalClock()
  const progress = options.onProgress ?? (() => undefined)
  const assembly = readAssembly(options.assemblyDir)
  const lock = lockDataFolder(dataDir)
  closers.add(() => lock.release())
  const operator = operatorCredentials(dataDir)
  const warden = startWarden()
  closers.add(() => warden.close())

  // The ports come first: one that is taken must be known before anything else is done.
  const urls: LocalUrls = { app: '', aws: '', ...ofEach(() => '') }
  let isReady = false
  const versions = { node: process.versions.node, ...options.versions }
  const control = new LateControl(() => ({ ready: isReady, urls, versions }))
  const edge = createEdgeServer(control)
  const edgeHost = `127.0.0.1:${(await edge.listen(ports.edge ?? 0)).port}`
  closers.add(() => edge.close())
  urls.app = `http://${edgeHost}`

  const emulators = createEmulators(dataDir, clock)
  for (const id of OAUTH_PROVIDER_IDS) {
    closers.add(() => emulators[id].close())
    urls[id] = (await emulators[id].listen(ports[id] ?? 0)).url
  }
  const { engines, gateway, principals, ...aws } = await startAwsEndpoint({
    dataDir,
    port: ports.aws ?? 0,
    clock,
    warden,
    operator,
    closers,
  })
  urls.aws = aws.url
  progress('Engines and emulators listen')

  const stacks = resolveAssembly(assembly, { awsHost: aws.host, edgeHost })
  const provisioned = await provision(assembly, stacks, engines)
  progress(`${stacks.resources.length} resources of ${assembly.stacks.length} stacks are in place`)

  const lambda = createLambdaHost({
    clock,
    warden,
    dataDir,
    overlayEnv: {
      AWS_ENDPOINT_URL: urls.aws,
      ...emulatorVariables(urls),
      ...options.environment,
    },
    queues: engines.sqs,
    maxConcurrency: MAX_CONCURRENCY,
    ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
  })
  closers.add(() => lambda.close())
  registerFunctions(provisioned, lambda, principals, dataDir)
  setOrigin(provisioned, urls.app)
  connectProviders(provisioned, emulators, urls.app, options.oauthClients)
  const waking = await startWaking(provisioned, { lambda, clock, dataDir, closers })
  const { bus, schedules, mappings, streamMappings } = waking

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
    waking.clockMoved()
  }
  control.hasStarted({
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
  })
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
    stacks,
    provisioned,
    inert: inertResources(stacks),
    advanceClock,
    async close() {
      isReady = false
      await closers.closeAll()
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
