/** What a deployed stage costs a month when nobody uses it, from its synthesized templates. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { synthesize } from '../../infra/synthesize.ts'
import { added, chargesText, costUsd, scaled, type Usage } from './aws-prices.ts'
import { usageOf } from './aws-usage.ts'
import { settled, withBenchCloud } from './bench-cloud.ts'
import type { Figure } from './figure.ts'
import { withTempDir } from './temp-dir.ts'

const TARGET_USD = 6
const MINUTES_A_MONTH = 43_800
/** Records of about 50,000 uploads, their indexes included. */
const TABLE_GB = 0.25
/**
 * "Lambda … by default … five long-polling connections" of 20 s each, whatever is in the queue:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
const POLLS_A_MINUTE = 5 * 3
const MEASURED_RUNS = 5

/** A month of each resource; what is charged by use alone costs nothing here. */
const MONTH_OF: Record<string, Usage> = {
  'AWS::CloudWatch::Alarm': { alarmMonths: 1 },
  'AWS::CloudWatch::Dashboard': { dashboardMonths: 1 },
  'AWS::DynamoDB::GlobalTable': {
    dynamodbStorageGbMonths: TABLE_GB,
    dynamodbRecoveryGbMonths: TABLE_GB,
  },
  'AWS::KMS::Key': { kmsKeyMonths: 1 },
  'AWS::Lambda::EventSourceMapping': { sqsRequests: POLLS_A_MINUTE * MINUTES_A_MONTH },
  'AWS::Logs::MetricFilter': { customMetricMonths: 1 },
  'AWS::SecretsManager::Secret': { secretMonths: 1 },
}
const CHARGED_BY_USE = [
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CDK::Metadata',
  'AWS::CertificateManager::Certificate',
  'AWS::CloudFront::CachePolicy',
  'AWS::CloudFront::Distribution',
  'AWS::CloudFront::Function',
  'AWS::CloudFront::OriginAccessControl',
  'AWS::CloudFront::OriginRequestPolicy',
  'AWS::CloudFront::ResponseHeadersPolicy',
  'AWS::Events::Rule',
  'AWS::GuardDuty::MalwareProtectionPlan',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KMS::Alias',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SES::ConfigurationSet',
  'AWS::SES::EmailIdentity',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::SSM::Parameter',
  'AWS::Scheduler::Schedule',
  'AWS::Scheduler::ScheduleGroup',
]

export async function measureIdleCost(stage: BuiltStage): Promise<Figure[]> {
  const standing = added(...(await resourceTypes(stage)).map(monthOf))
  const schedules = await scheduleUsage(stage)
  const usage = added(standing, scaled(schedules, MINUTES_A_MONTH))
  return [
    {
      name: 'idle stage, a month without web ACL',
      value: costUsd(usage),
      unit: '$',
      atMost: TARGET_USD,
      terms: `${chargesText(usage)}; ${TABLE_GB} GB of records, schedules once a minute`,
    },
  ]
}

function monthOf(type: string): Usage {
  const usage = MONTH_OF[type]
  if (usage) return usage
  if (CHARGED_BY_USE.includes(type)) return {}
  throw new Error(`what ${type} costs a month is not known here`)
}

/** Types of all resources of a trial, which has everything but a host name of its own. */
async function resourceTypes(stage: BuiltStage): Promise<string[]> {
  return withTempDir(async (outdir) => {
    const functionsDir = join(dirname(stage.assemblyDir), 'functions')
    await synthesize({ stage: 'trial', context: { functionsDir }, outdir })
    const names = (await readdir(outdir)).filter((name) => name.endsWith('.template.json'))
    const templates = await Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(outdir, name), 'utf8'))),
    )
    return templates.flatMap(({ Resources }: { Resources: Record<string, { Type: string }> }) =>
      Object.values(Resources).map(({ Type }) => Type),
    )
  })
}

/** One run of every schedule that finds nothing to do. */
async function scheduleUsage(stage: BuiltStage): Promise<Usage> {
  return withBenchCloud(stage, async (bench) => {
    const { schedules } = bench.cloud
    const run = async () => {
      for (const { name } of schedules.list()) await schedules.run(name)
      await settled(bench)
    }
    await run()
    const usage = await usageOf(bench, async () => {
      for (let count = 0; count < MEASURED_RUNS; count += 1) await run()
    })
    return scaled(usage, 1 / MEASURED_RUNS)
  })
}
