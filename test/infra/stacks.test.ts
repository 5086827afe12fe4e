import { App, Stack } from 'aws-cdk-lib'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { AwsSolutionsChecks } from 'cdk-nag'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { FUNCTION_NAMES } from '../../infra/constructs/function-list.ts'
import { API_FUNCTION_NAMES, ROUTES } from '../../infra/constructs/routes.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { hostVariables } from '../../shared/providers/hosts.ts'
import { STORAGE_PROVIDER_IDS } from '../../shared/providers/providers.ts'
import { EVERY_VARIABLE } from '../support/every-variable.ts'
import {
  actionsOf,
  leadingKeysOf,
  ofType,
  type Resource,
  type SynthesizedStage,
  statementsByFunction,
  synthesizeStage,
  theOnly,
} from './synthesized-stage.ts'

const SECRET_VERSION = '7a4ee1fd-5ae5-4f9c-8d0b-8a1f0a1d6f11'

let trial: SynthesizedStage
let prod: SynthesizedStage

beforeAll(() => {
  // CloudFormation's own schemas are checked by `npm run synth`; here they cost 2 s a stage.
  vi.stubEnv('CDK_VALIDATION', 'false')
  trial = synthesizeStage({ stage: 'trial' })
  prod = synthesizeStage({
    stage: 'prod',
    domainName: 'files.example.com',
    originSecretVersion: SECRET_VERSION,
  })
  return () => vi.unstubAllEnvs()
})

describe('every stage', () => {
  test('has no finding of cdk-nag that is not acknowledged with a reason', () => {
    for (const stage of [trial, prod]) {
      const report = new AwsSolutionsChecks(stage.app).validateScope(stage.app)

      expect(report.violations).toEqual([])
    }
  })

  test('would hear of a queue without dead letters', () => {
    const bare = new Stack(new App(), 'bare')
    new Queue(bare, 'Queue')

    const report = new AwsSolutionsChecks(bare).validateScope(bare)

    expect(report.violations.map(({ ruleName }) => ruleName)).toContain('AwsSolutions-SQS3')
  })

  test('runs our functions and no others: no custom resource', () => {
    for (const stage of [trial, prod]) {
      const all = { ...stage.data, ...stage.service, ...stage.site, ...stage.edge }
      const types = Object.values(all).map((resource) => resource.Type)

      expect(ofType(all, 'AWS::Lambda::Function')).toHaveLength(FUNCTION_NAMES.length)
      expect(types.filter((type) => /^Custom::|CustomResource/.test(type))).toEqual([])
    }
  })

  test('knows nothing of the local cloud', () => {
    for (const template of Object.values({ ...trial.templates, ...prod.templates })) {
      expect(template).not.toMatch(/_local|_emulator/)
    }
  })
})

describe('data', () => {
  test('no bucket is public and every bucket refuses plain http', () => {
    const stacks = [trial.data, trial.site]
    for (const stack of stacks) {
      const bucket = theOnly(stack, 'AWS::S3::Bucket').Properties
      const policy = theOnly(stack, 'AWS::S3::BucketPolicy').Properties.PolicyDocument

      expect(bucket.PublicAccessBlockConfiguration).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      })
      expect(policy.Statement).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      )
    }
  })

  test('the staging bucket refuses signatures older than 15 minutes', () => {
    const policy = theOnly(trial.data, 'AWS::S3::BucketPolicy').Properties.PolicyDocument

    expect(policy.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Condition: { NumericGreaterThan: { 's3:signatureAge': '900000' } },
      }),
    )
  })

  test('the staging bucket lets browsers PUT, tells EventBridge and forgets what was abandoned', () => {
    const bucket = theOnly(trial.data, 'AWS::S3::Bucket').Properties

    expect(bucket.CorsConfiguration.CorsRules).toEqual([
      {
        AllowedOrigins: ['*'],
        AllowedMethods: ['PUT'],
        AllowedHeaders: ['content-type', 'if-none-match'],
        ExposedHeaders: ['ETag'],
        MaxAge: 3600,
      },
    ])
    expect(bucket.NotificationConfiguration).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    })
    expect(bucket.LifecycleConfiguration.Rules).toEqual([
      expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
      expect.objectContaining({ Prefix: 'downloads/', ExpirationInDays: 1 }),
    ])
  })

  test('the table can be restored to any second, forgets expired records and streams changes', () => {
    const table = theOnly(trial.data, 'AWS::DynamoDB::GlobalTable').Properties

    expect(table.BillingMode).toBe('PAY_PER_REQUEST')
    expect(table.TimeToLiveSpecification).toEqual({ AttributeName: 'expiresAt', Enabled: true })
    expect(table.StreamSpecification).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' })
    expect(table.Replicas[0].PointInTimeRecoverySpecification).toEqual({
      PointInTimeRecoveryEnabled: true,
    })
    const projections = table.GlobalSecondaryIndexes.map(
      // biome-ignore lint/suspicious/noExplicitAny: template JSON
      (index: any) => [index.IndexName, index.Projection.ProjectionType],
    )
    expect(projections).toEqual([
      ['byOwner', 'ALL'],
      ['byPortal', 'ALL'],
      ['byAccount', 'ALL'],
      ['byClient', 'ALL'],
      ['byDue', 'KEYS_ONLY'],
    ])
  })

  test('prod keeps its data when the stack goes, trial leaves nothing behind', () => {
    const kept = [
      'AWS::DynamoDB::GlobalTable',
      'AWS::S3::Bucket',
      'AWS::KMS::Key',
      'AWS::SecretsManager::Secret',
    ]
    for (const type of kept) {
      const policies = (stage: SynthesizedStage) =>
        new Set(ofType(stage.data, type).map((resource) => resource.DeletionPolicy))

      expect(policies(prod)).toEqual(new Set(['Retain']))
      expect(policies(trial)).toEqual(new Set(['Delete']))
    }
    const table = theOnly(prod.data, 'AWS::DynamoDB::GlobalTable').Properties
    expect(table.Replicas[0].DeletionProtectionEnabled).toBe(true)
  })

  test('no template holds a secret: they are generated, or left to the operator', () => {
    const secrets = ofType(trial.data, 'AWS::SecretsManager::Secret').map(
      ({ Properties: secret }) => [
        secret.Name,
        secret.SecretString ?? secret.GenerateSecretString.SecretStringTemplate,
        secret.GenerateSecretString?.GenerateStringKey,
      ],
    )

    expect(secrets).toEqual([
      ['portage/trial/oauth-clients', '{}', undefined],
      ['portage/trial/write-key', '{"currentKeyId":"k1"}', 'k1'],
      ['portage/trial/portal-key', '{"currentKeyId":"k1"}', 'k1'],
      ['portage/trial/read-key', '{"currentKeyId":"k1"}', 'k1'],
      ['portage/trial/origin-verify', '{"previous":""}', 'current'],
    ])
  })
})

describe('what a function may do', () => {
  test('every function has a role of its own', () => {
    const functions = ofType(trial.service, 'AWS::Lambda::Function')
    const roles = functions.map(({ Properties: fn }) => fn.Role['Fn::GetAtt'][0])

    expect(new Set(roles).size).toBe(FUNCTION_NAMES.length)
    expect(ofType(trial.service, 'AWS::IAM::Role')).toHaveLength(FUNCTION_NAMES.length)
    for (const { Properties: role } of ofType(trial.service, 'AWS::IAM::Role')) {
      expect(role.ManagedPolicyArns).toBeUndefined()
    }
  })

  test('no role has an action or a resource for everything', () => {
    for (const [name, statements] of Object.entries(statementsByFunction(trial.service))) {
      expect(statements.length, name).toBeGreaterThan(1)
      for (const statement of statements) {
        expect(actionsOf(statement).join(), name).not.toContain('*')
        expect([statement.Resource].flat(), name).not.toContain('*')
      }
    }
  })

  test('every function touches only records whose type its role lists', () => {
    for (const [name, statements] of Object.entries(statementsByFunction(trial.service))) {
      const onTable = statements.filter((statement) => /dynamodb:/.test(String(statement.Action)))

      expect(onTable.length, name).toBeGreaterThan(0)
      for (const statement of onTable) {
        expect(leadingKeysOf(statement).length, name).toBeGreaterThan(0)
        for (const key of leadingKeysOf(statement)) expect(key).toMatch(/^[a-z]+#\*$/)
        expect(actionsOf(statement), name).not.toContain('dynamodb:Scan')
        expect(JSON.stringify(statement.Resource), name).not.toContain('*')
      }
    }
  })

  test.each(['public-portals', 'client-uploads'])(
    '%s, which serves clients, reaches no session, grant or key of owners',
    (name) => {
      const statements = statementsByFunction(trial.service)[name] ?? []
      const types = statements.flatMap(leadingKeysOf)
      const actions = statements.flatMap(actionsOf).join()
      const fn = ofType(trial.service, 'AWS::Lambda::Function').find(
        ({ Properties }) => Properties.FunctionName === `portage-trial-${name}`,
      )

      expect(types).toContain('portal#*')
      expect(types).not.toContain('session#*')
      expect(types).not.toContain('grant#*')
      expect(types).not.toContain('user#*')
      expect(actions).not.toContain('kms:')
      expect(Object.keys(fn?.Properties.Environment.Variables)).not.toContain(
        ENV.oauthClientsSecret,
      )
    },
  )

  test('the grant key is usable for grants only', () => {
    const statements = Object.values(statementsByFunction(trial.service)).flat()
    const onKeys = statements.filter((statement) => /kms:/.test(String(statement.Action)))

    expect(onKeys).toHaveLength(7)
    for (const statement of onKeys) {
      expect(statement.Condition).toEqual({
        StringEquals: { 'kms:EncryptionContext:purpose': 'grant' },
      })
    }
  })

  test('objects are reached below one prefix at a time', () => {
    const statements = Object.values(statementsByFunction(trial.service)).flat()
    const onObjects = statements.filter((statement) =>
      /s3:.*Object|Upload/.test(String(statement.Action)),
    )

    expect(onObjects.length).toBeGreaterThan(0)
    for (const statement of onObjects) {
      expect(JSON.stringify(statement.Resource)).toMatch(/"\/(staging|downloads)\/\*"/)
    }
  })

  test('only functions that ask whether a file has arrived may see that it has not', () => {
    const listing = Object.entries(statementsByFunction(trial.service)).filter(([, statements]) =>
      statements.some((statement) => String(statement.Action).includes('s3:ListBucket')),
    )

    expect(listing.map(([name]) => name).sort()).toEqual(['client-uploads', 'take-in-upload'])
  })

  test.each(STORAGE_PROVIDER_IDS)(
    'only functions that hold the OAuth clients know where %s is',
    (id) => {
      const hosts = hostVariables(id).map(({ variable }) => variable)
      const functions = ofType(trial.service, 'AWS::Lambda::Function')
      for (const { Properties: fn } of functions) {
        const variables = fn.Environment.Variables
        const known = hosts.filter((name) => variables[name]?.startsWith('https://'))

        expect(known, fn.FunctionName).toEqual(variables[ENV.oauthClientsSecret] ? hosts : [])
      }
      expect(JSON.stringify(functions)).toContain(ENV.oauthClientsSecret)
    },
  )

  test('functions get only variables that the code can read', () => {
    const known = new Set(EVERY_VARIABLE)
    for (const { Properties: fn } of ofType(trial.service, 'AWS::Lambda::Function')) {
      const names = Object.keys(fn.Environment.Variables)

      expect(names).toContain(ENV.table)
      expect(names.filter((name) => !known.has(name))).toEqual([])
    }
  })
})

describe('queues', () => {
  test('every queue of work has a dead-letter queue that keeps messages for 14 days', () => {
    const queues = ofType(trial.service, 'AWS::SQS::Queue')
    const [deadLetters, work] = [true, false].map((dead) =>
      queues.filter(({ Properties: q }) => q.QueueName.endsWith('-dead-letters') === dead),
    ) as [Resource[], Resource[]]

    expect(work).toHaveLength(5)
    expect(deadLetters).toHaveLength(6)
    for (const { Properties: queue } of work) expect(queue.RedrivePolicy.maxReceiveCount).toBe(5)
    for (const { Properties: queue } of deadLetters) {
      expect(queue.MessageRetentionPeriod).toBe(14 * 24 * 3600)
    }
  })

  test('only workers that send to their own queue may loop', () => {
    const looping = ofType(trial.service, 'AWS::Lambda::Function').filter(
      ({ Properties: fn }) => fn.RecursiveLoop === 'Allow',
    )

    expect(looping.map(({ Properties: fn }) => fn.FunctionName).sort()).toEqual([
      'portage-trial-deliver-large',
      'portage-trial-deliver-small',
      'portage-trial-restage-download',
    ])
  })

  test('messages stay hidden for longer than their worker may run', () => {
    const mappings = ofType(trial.service, 'AWS::Lambda::EventSourceMapping')

    expect(mappings).toHaveLength(5)
    for (const { Properties: mapping } of mappings) {
      const queue = trial.service[mapping.EventSourceArn['Fn::GetAtt'][0]]?.Properties
      const worker = trial.service[mapping.FunctionName.Ref]?.Properties

      expect(queue.VisibilityTimeout).toBeGreaterThan(worker.Timeout)
      expect(mapping.FunctionResponseTypes).toEqual(['ReportBatchItemFailures'])
      expect(mapping.ScalingConfig.MaximumConcurrency).toBeGreaterThanOrEqual(2)
    }
  })

  test('workers of a trial that run for minutes leave two of the ten executions of a new account', () => {
    const mappings = ofType(trial.service, 'AWS::Lambda::EventSourceMapping').filter(
      ({ Properties: mapping }) =>
        trial.service[mapping.FunctionName.Ref]?.Properties.FunctionName !==
        'portage-trial-tend-account',
    )
    expect(mappings).toHaveLength(4)
    const workers = mappings.reduce(
      (sum, { Properties: mapping }) => sum + mapping.ScalingConfig.MaximumConcurrency,
      0,
    )

    expect(workers).toBeLessThanOrEqual(8)
  })

  test('an arrived file is queued, and kept when it cannot be queued', () => {
    const rule = ofType(trial.service, 'AWS::Events::Rule').find(
      ({ Properties }) => Properties.EventPattern !== undefined,
    )?.Properties

    expect(rule.EventPattern).toMatchObject({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { object: { key: [{ prefix: 'staging/' }] } },
    })
    expect(rule.Targets).toHaveLength(1)
    expect(rule.Targets[0].DeadLetterConfig.Arn).toBeDefined()
  })

  test('the sweep runs every minute', () => {
    const rule = ofType(trial.service, 'AWS::Events::Rule').find(
      ({ Properties }) => Properties.ScheduleExpression !== undefined,
    )?.Properties

    expect(rule.ScheduleExpression).toBe('rate(1 minute)')
    expect(rule.State).toBe('ENABLED')
  })

  test('every alarm has a name, a severity and a page of the runbook', () => {
    const alarms = ofType(trial.service, 'AWS::CloudWatch::Alarm').map(
      ({ Properties }) => Properties,
    )
    const deadLetters = alarms.filter((alarm) => alarm.AlarmName.endsWith('-dead-letters'))

    expect(deadLetters).toHaveLength(6)
    expect(new Set(alarms.map((alarm) => alarm.AlarmName)).size).toBe(alarms.length)
    for (const alarm of alarms) {
      const anchor = alarm.AlarmName.replace('portage-trial-', '')
      expect(alarm.AlarmDescription).toMatch(/^\[(critical|high|medium)\] /)
      expect(alarm.AlarmDescription).toContain(`docs/runbook.md#${anchor}`)
    }
  })
})

describe('the API', () => {
  test('has exactly the routes of the table', () => {
    const routes = ofType(trial.service, 'AWS::ApiGatewayV2::Route').map(
      ({ Properties }) => Properties.RouteKey,
    )

    expect(routes.sort()).toEqual(Object.values(ROUTES).flat().sort())
  })

  test('needs one permission per function, not one per route', () => {
    const permissions = ofType(trial.service, 'AWS::Lambda::Permission').filter(
      ({ Properties }) => Properties.Principal === 'apigateway.amazonaws.com',
    )

    expect(permissions).toHaveLength(API_FUNCTION_NAMES.length)
  })

  test('writes no query string into its access log', () => {
    const stage = theOnly(trial.service, 'AWS::ApiGatewayV2::Stage').Properties

    expect(stage.StageName).toBe('$default')
    expect(stage.AccessLogSettings.Format).toContain('$context.path"')
    expect(stage.AccessLogSettings.Format).not.toMatch(/query|\$context\.requestOverride/i)
  })

  test('keeps logs for 30 days', () => {
    const groups = ofType(trial.service, 'AWS::Logs::LogGroup')

    expect(groups).toHaveLength(FUNCTION_NAMES.length + 1)
    for (const { Properties: group } of groups) expect(group.RetentionInDays).toBe(30)
  })
})

describe('the public origin', () => {
  const distribution = (stage: SynthesizedStage) =>
    theOnly(stage.site, 'AWS::CloudFront::Distribution').Properties.DistributionConfig
  const policyOf = (pattern: string | undefined) => {
    const config = distribution(trial)
    const behavior =
      pattern === undefined
        ? config.DefaultCacheBehavior
        : config.CacheBehaviors.find(
            (candidate: { PathPattern: string }) => candidate.PathPattern === pattern,
          )
    const policy = trial.site[behavior.ResponseHeadersPolicyId.Ref]?.Properties
    const { SecurityHeadersConfig } = policy.ResponseHeadersPolicyConfig
    return {
      security: SecurityHeadersConfig,
      csp: JSON.stringify(SecurityHeadersConfig.ContentSecurityPolicy?.ContentSecurityPolicy ?? ''),
    }
  }

  test('proves itself to the API with a header whose value is in no template', () => {
    const origins: { OriginCustomHeaders?: object[] }[] = distribution(trial).Origins

    expect(origins.flatMap((origin) => origin.OriginCustomHeaders ?? [])).toEqual([
      {
        HeaderName: 'x-portage-origin-verify',
        HeaderValue:
          '{{resolve:secretsmanager:portage/trial/origin-verify:SecretString:current::}}',
      },
    ])
  })

  test('sends the version of the secret that a rotation names, so that CloudFormation sees a change', () => {
    expect(prod.templates['site']).toContain(
      `{{resolve:secretsmanager:portage/prod/origin-verify:SecretString:current::${SECRET_VERSION}}}`,
    )
  })

  test('hands the API every viewer header except Host, and the viewer address', () => {
    const api = distribution(trial).CacheBehaviors.find(
      (behavior: { PathPattern: string }) => behavior.PathPattern === '/api/*',
    )
    const request = trial.site[api.OriginRequestPolicyId.Ref]?.Properties.OriginRequestPolicyConfig
    const cache = trial.site[api.CachePolicyId.Ref]?.Properties.CachePolicyConfig

    expect(request.HeadersConfig).toEqual({ HeaderBehavior: 'allExcept', Headers: ['Host'] })
    expect(cache.ParametersInCacheKeyAndForwardedToOrigin.HeadersConfig.Headers).toContain(
      'CloudFront-Viewer-Address',
    )
    expect([cache.MinTTL, cache.DefaultTTL]).toEqual([0, 0])
    expect(api.AllowedMethods).toContain('DELETE')
    expect(api.ViewerProtocolPolicy).toBe('https-only')
  })

  test('answers errors as they are', () => {
    expect(distribution(trial).CustomErrorResponses).toBeUndefined()
  })

  test.each([undefined, '/p/*'])('pages at %s run no inline script', (pattern) => {
    const { csp, security } = policyOf(pattern)

    expect(csp).toContain("default-src 'none'")
    expect(csp).toContain("script-src 'self';")
    expect(csp).toContain("base-uri 'none'")
    expect(security.ContentTypeOptions).toEqual({ Override: true })
    expect(security.ReferrerPolicy.ReferrerPolicy).toBe('no-referrer')
    expect(security.StrictTransportSecurity.AccessControlMaxAgeSec).toBe(365 * 24 * 3600)
  })

  test('only portals may stand in a frame of others', () => {
    expect(policyOf(undefined).csp).toContain("frame-ancestors 'none'")
    expect(policyOf(undefined).security.FrameOptions.FrameOption).toBe('DENY')
    expect(policyOf('/p/*').csp).toContain('frame-ancestors *')
    expect(policyOf('/p/*').security.FrameOptions).toBeUndefined()
  })

  test('only the dashboard may write styles at run time, only portals may reach the bucket', () => {
    expect(policyOf(undefined).csp).toContain("style-src 'self' 'unsafe-inline'")
    expect(policyOf('/p/*').csp).not.toContain('unsafe-inline')
    expect(policyOf(undefined).csp).not.toContain('RegionalDomainName')
    expect(policyOf('/p/*').csp).toContain('RegionalDomainName')
  })

  test('a domain name brings a certificate and a web ACL, which a trial does without', () => {
    expect(distribution(prod).Aliases).toEqual(['files.example.com'])
    expect(distribution(prod).ViewerCertificate.MinimumProtocolVersion).toBe('TLSv1.2_2021')
    expect(distribution(prod).WebACLId).toBeDefined()
    expect(theOnly(prod.edge, 'AWS::WAFv2::WebACL').Properties.Scope).toBe('CLOUDFRONT')
    expect(trial.edge).toEqual({})
    expect(distribution(trial).WebACLId).toBeUndefined()
  })

  test('is told to the functions by a parameter, so that their stack needs nothing of the site', () => {
    const parameter = theOnly(prod.site, 'AWS::SSM::Parameter').Properties

    expect(parameter.Name).toBe('/portage/prod/origin')
    expect(parameter.Value).toBe('https://files.example.com')
    expect(prod.templates['service']).not.toContain('portage-prod-site')
    expect(prod.templates['data']).not.toMatch(/portage-prod-(site|service)/)
  })
})
