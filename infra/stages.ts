/** Every difference between stages, in one table. Context (`-c name=value`) overrides what is meant to be chosen at deploy time. */
import { factsOf, STORAGE_PROVIDER_IDS } from '../shared/providers/providers.ts'

export type StageName = 'local' | 'trial' | 'prod'
type SignUp = 'closed' | 'allow-list' | 'open'

export interface Stage {
  name: StageName
  /** Data outlives the stacks and cannot be deleted by mistake. */
  keepsData: boolean
  signUp: SignUp
  /** Verified e-mail addresses or `provider:subject`, when `signUp` is `allow-list`. */
  signUpAllowList: string[]
  /** A delivery works this long, then hands on to a continuation so that owners take turns. */
  workSliceSeconds: number
  /** The public host name; CloudFront's own name when there is none. */
  domainName: string | undefined
  /** Version of the origin-verify secret that the distribution sends; the current one when there is none. */
  originSecretVersion: string | undefined
  /** Where pictures of owners come from, as the pages' content security policy names it. */
  pictureSources: string[]
  limits: IntakeLimits
  /** Workers of one queue that run at once; Lambda accepts no less than 2. */
  concurrency: Record<
    'intake' | 'smallDelivery' | 'largeDelivery' | 'downloads' | 'accountKeeping',
    number
  >
}

/** What strangers may make the deployment pay for (security rules 8 and 9). */
interface IntakeLimits {
  openSubmissionsPerAddress: number
  portalDailyFiles: number
  portalDailyBytes: number
  deploymentDailyFiles: number
  deploymentDailyBytes: number
}

const TERABYTE = 1e12
const LIMITS: IntakeLimits = {
  openSubmissionsPerAddress: 5,
  portalDailyFiles: 20_000,
  portalDailyBytes: 10 * TERABYTE,
  deploymentDailyFiles: 200_000,
  deploymentDailyBytes: 40 * TERABYTE,
}

/** As the context and the deploy command call them. */
export const LIMIT_NAMES: string[] = Object.keys(LIMITS)

type StageDefaults = Omit<Stage, 'name' | 'signUpAllowList' | 'domainName' | 'originSecretVersion'>

const PROVIDERS_PICTURES = STORAGE_PROVIDER_IDS.flatMap((id) => factsOf(id).pictures ?? [])

const STAGES: Record<StageName, StageDefaults> = {
  local: {
    keepsData: false,
    pictureSources: ['http://127.0.0.1:*'],
    signUp: 'open',
    workSliceSeconds: 180,
    // Everybody on this machine has one address.
    limits: { ...LIMITS, openSubmissionsPerAddress: 1000 },
    concurrency: { intake: 2, smallDelivery: 4, largeDelivery: 4, downloads: 2, accountKeeping: 2 },
  },
  // A new account may run 10 functions at once: 8 workers leave 2 for the API; keepers of accounts run for a second only.
  trial: {
    keepsData: false,
    pictureSources: PROVIDERS_PICTURES,
    signUp: 'allow-list',
    workSliceSeconds: 180,
    limits: LIMITS,
    concurrency: { intake: 2, smallDelivery: 2, largeDelivery: 2, downloads: 2, accountKeeping: 2 },
  },
  prod: {
    keepsData: true,
    pictureSources: PROVIDERS_PICTURES,
    signUp: 'allow-list',
    workSliceSeconds: 180,
    limits: LIMITS,
    concurrency: {
      intake: 10,
      smallDelivery: 20,
      largeDelivery: 40,
      downloads: 10,
      accountKeeping: 10,
    },
  },
}

/** Leaves the worker 120 s of its 300 s to finish the chunk it is in and to save its place. */
const LONGEST_WORK_SLICE_SECONDS = 180

/** Reads the stage from CDK context, where the command line gives every value as a string. */
export function readStage(context: (key: string) => unknown): Stage {
  const name = readName(context('stage'))
  const defaults = STAGES[name]
  const domainName = readText(context('domainName'))
  if (name === 'prod' && domainName === undefined) {
    throw new StageContextError('prod needs a public host name: -c domainName=files.example.com')
  }
  return {
    ...defaults,
    name,
    signUp: readSignUp(context('signUp') ?? defaults.signUp),
    signUpAllowList: readList(context('signUpAllowList')),
    workSliceSeconds: readWorkSlice(context('workSliceSeconds') ?? defaults.workSliceSeconds),
    limits: readLimits(defaults.limits, context),
    domainName,
    originSecretVersion: readText(context('originSecretVersion')),
  }
}

export class StageContextError extends Error {
  override name = 'StageContextError' as const
}

function readName(value: unknown): StageName {
  if (value === 'local' || value === 'trial' || value === 'prod') return value
  throw new StageContextError(`stage must be local, trial or prod, not ${String(value)}`)
}

function readSignUp(value: unknown): SignUp {
  if (value === 'closed' || value === 'allow-list' || value === 'open') return value
  throw new StageContextError(`signUp must be closed, allow-list or open, not ${String(value)}`)
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function readList(value: unknown): string[] {
  const entries = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : []
  return entries.map((entry) => String(entry).trim()).filter((entry) => entry !== '')
}

function readLimits(defaults: IntakeLimits, context: (key: string) => unknown): IntakeLimits {
  const names = Object.keys(defaults) as (keyof IntakeLimits)[]
  const limits = names.map((name) => {
    const value = Number(context(name) ?? defaults[name])
    if (Number.isSafeInteger(value) && value > 0) return [name, value] as const
    throw new StageContextError(`${name} must be a positive whole number, not ${context(name)}`)
  })
  return Object.fromEntries(limits) as unknown as IntakeLimits
}

function readWorkSlice(value: unknown): number {
  const seconds = Number(value)
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= LONGEST_WORK_SLICE_SECONDS)
    return seconds
  throw new StageContextError(
    `workSliceSeconds must be more than 0 and at most ${LONGEST_WORK_SLICE_SECONDS}, not ${String(value)}`,
  )
}
