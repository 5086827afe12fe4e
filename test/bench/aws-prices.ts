/** What AWS charges for what was counted: list prices of us-east-1, without any free tier. */

/** Prices change; these were read on this day. */
export const PRICES_READ_ON = '2026-11-22'

interface Price {
  usd: number
  /** So many are charged with `usd`. */
  per: number
  source: string
}

const DYNAMODB = 'https://aws.amazon.com/dynamodb/pricing/on-demand/'
const S3 = 'https://aws.amazon.com/s3/pricing/'
const SQS = 'https://aws.amazon.com/sqs/pricing/'
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/'
const CLOUDFRONT = 'https://aws.amazon.com/cloudfront/pricing/'
const CLOUDWATCH = 'https://aws.amazon.com/cloudwatch/pricing/'
const KMS = 'https://aws.amazon.com/kms/pricing/'
const SECRETS = 'https://aws.amazon.com/secrets-manager/pricing/'
const MILLION = 1_000_000

export const PRICES = {
  dynamodbWriteUnits: { usd: 0.625, per: MILLION, source: DYNAMODB },
  dynamodbReadUnits: { usd: 0.125, per: MILLION, source: DYNAMODB },
  dynamodbStorageGbMonths: { usd: 0.25, per: 1, source: DYNAMODB },
  dynamodbRecoveryGbMonths: { usd: 0.2, per: 1, source: DYNAMODB },
  /** PUT, COPY, POST, LIST; DELETE is free. */
  s3Writes: { usd: 0.005, per: 1000, source: S3 },
  s3Reads: { usd: 0.0004, per: 1000, source: S3 },
  s3GbMonths: { usd: 0.023, per: 1, source: S3 },
  sqsRequests: { usd: 0.4, per: MILLION, source: SQS },
  /** Sends with a message group to a standard queue. */
  sqsFairRequests: { usd: 0.1, per: MILLION, source: SQS },
  lambdaRequests: { usd: 0.2, per: MILLION, source: LAMBDA },
  /** On arm64. */
  lambdaGbSeconds: { usd: 0.0000133334, per: 1, source: LAMBDA },
  kmsRequests: { usd: 0.03, per: 10_000, source: KMS },
  kmsKeyMonths: { usd: 1, per: 1, source: KMS },
  secretReads: { usd: 0.05, per: 10_000, source: SECRETS },
  secretMonths: { usd: 0.4, per: 1, source: SECRETS },
  /** S3's events are opt-in data events, which are charged as custom events are. */
  eventBridgeEvents: {
    usd: 1,
    per: MILLION,
    source: 'https://aws.amazon.com/eventbridge/pricing/',
  },
  httpApiRequests: {
    usd: 1,
    per: MILLION,
    source: 'https://aws.amazon.com/api-gateway/pricing/',
  },
  cloudFrontRequests: { usd: 0.01, per: 10_000, source: CLOUDFRONT },
  cloudFrontFunctionRuns: { usd: 0.1, per: MILLION, source: CLOUDFRONT },
  logGb: { usd: 0.5, per: 1, source: CLOUDWATCH },
  alarmMonths: { usd: 0.1, per: 1, source: CLOUDWATCH },
  dashboardMonths: { usd: 3, per: 1, source: CLOUDWATCH },
  customMetricMonths: { usd: 0.3, per: 1, source: CLOUDWATCH },
  internetGb: { usd: 0.09, per: 1, source: 'https://aws.amazon.com/ec2/pricing/on-demand/' },
  scannedGb: { usd: 0.09, per: 1, source: 'https://aws.amazon.com/guardduty/pricing/' },
  scannedObjects: { usd: 0.215, per: 1000, source: 'https://aws.amazon.com/guardduty/pricing/' },
  mails: { usd: 0.1, per: 1000, source: 'https://aws.amazon.com/ses/pricing/' },
} as const satisfies Record<string, Price>

type PricedThing = keyof typeof PRICES

/** How much was used of what is charged. */
export type Usage = Partial<Record<PricedThing, number>>

export interface Charge {
  thing: PricedThing
  amount: number
  usd: number
}

/** The dearest first. */
export function chargesOf(usage: Usage): Charge[] {
  return Object.entries(usage)
    .map(([name, amount]) => {
      const thing = name as PricedThing
      return { thing, amount, usd: (amount * PRICES[thing].usd) / PRICES[thing].per }
    })
    .filter(({ amount }) => amount > 0)
    .toSorted((a, b) => b.usd - a.usd)
}

export function costUsd(usage: Usage): number {
  return chargesOf(usage).reduce((sum, { usd }) => sum + usd, 0)
}

export function scaled(usage: Usage, factor: number): Usage {
  return Object.fromEntries(
    Object.entries(usage).map(([thing, amount]) => [thing, amount * factor]),
  )
}

export function added(...usages: Usage[]): Usage {
  const sum: Usage = {}
  for (const usage of usages) {
    for (const [name, amount] of Object.entries(usage)) {
      const thing = name as PricedThing
      sum[thing] = (sum[thing] ?? 0) + amount
    }
  }
  return sum
}

/** `12.3 dynamodbWriteUnits $0.0077, …` */
export function chargesText(usage: Usage): string {
  return chargesOf(usage)
    .map(({ thing, amount, usd }) => `${rounded(amount)} ${words(thing)} $${usd.toFixed(4)}`)
    .join(', ')
}

function rounded(amount: number): string {
  return amount >= 100 || Number.isInteger(amount) ? amount.toFixed(0) : amount.toPrecision(3)
}

/** `dynamodbWriteUnits` as `dynamodb write units`. */
function words(thing: string): string {
  return thing.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** From this size on a function has a whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const WHOLE_PROCESSOR_MB = 1769

/**
 * GB-seconds of an invocation that took `durationMs` here, where it has a whole processor. All of it
 * is taken for work of the processor and stretched to the share that Lambda gives; what in truth
 * waits for the network is not stretched there, so this is too much rather than too little.
 */
export function gbSeconds(durationMs: number, memoryMb: number): number {
  const stretch = Math.max(1, WHOLE_PROCESSOR_MB / memoryMb)
  return (durationMs / 1000) * stretch * (memoryMb / 1024)
}
