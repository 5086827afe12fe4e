import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CloudEngines } from '../../../infra/local/provision/cloud-engines.ts'
import { inertResources } from '../../../infra/local/provision/provision.ts'
import type { JsonObject } from '../../../infra/local/template/json.ts'
import {
  allow,
  makeEngines,
  provisionResources,
  resolveResources,
  workerResources,
} from './make-assembly.ts'

let engines: CloudEngines

beforeEach(() => {
  engines = makeEngines()
})
afterEach(async () => {
  for (const engine of Object.values(engines)) await engine.close()
})

const provisioned = (resources: JsonObject) => provisionResources(resources, engines)

describe('resources of the templates', () => {
  it('that are unknown, or have a property that is not played, are errors that name them', () => {
    const unknown = { Cluster: { Type: 'AWS::ECS::Cluster' } }
    const property = {
      Uploads: { Type: 'AWS::S3::Bucket', Properties: { ReplicationConfiguration: {} } },
    }

    expect(() => resolveResources(unknown)).toThrow(
      'stack app, Cluster: unknown resource type AWS::ECS::Cluster',
    )
    expect(() => resolveResources(property)).toThrow(
      'stack app, Uploads: property ReplicationConfiguration of AWS::S3::Bucket is not played here',
    )
  })

  it('keep their names over restarts and lead to this machine', () => {
    const { resources } = resolveResources({
      Uploads: { Type: 'AWS::S3::Bucket' },
      Work: { Type: 'AWS::SQS::Queue' },
    })

    expect(resources.map(({ ref }) => ref)).toEqual([
      'app-uploads',
      'http://127.0.0.1:4401/111122223333/app-Work',
    ])
    expect(resources[0]?.attributes['RegionalDomainName']).toBe('127.0.0.1:4401')
  })

  it('that do nothing here are listed with the reason', () => {
    const stacks = resolveResources({
      Log: { Type: 'AWS::Logs::LogGroup' },
      Uploads: { Type: 'AWS::S3::Bucket' },
    })

    expect(inertResources(stacks)).toEqual([
      { resource: 'app/Log', reason: 'logs of functions are files of the data folder' },
    ])
  })
})

describe('storage', () => {
  it('gets the settings and policies of the template', async () => {
    const policy = {
      Version: '2012-10-17',
      Statement: [allow('s3:GetObject', 'arn:aws:s3:::app-uploads/*', { Principal: '*' })],
    }

    await provisioned({
      Uploads: {
        Type: 'AWS::S3::Bucket',
        Properties: {
          CorsConfiguration: { CorsRules: [{ AllowedOrigins: ['*'], AllowedMethods: ['PUT'] }] },
        },
      },
      UploadsPolicy: {
        Type: 'AWS::S3::BucketPolicy',
        Properties: { Bucket: { Ref: 'Uploads' }, PolicyDocument: policy },
      },
      Work: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          VisibilityTimeout: 330,
          RedrivePolicy: {
            deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] },
            maxReceiveCount: 5,
          },
        },
      },
      Dead: { Type: 'AWS::SQS::Queue' },
    })

    expect(engines.s3.resourcePolicy('arn:aws:s3:::app-uploads')).toEqual(policy)
    expect(engines.sqs.visibilitySeconds('arn:aws:sqs:us-east-1:111122223333:app-Work')).toBe(330)
    const dead = engines.sqs.stats().find(({ name }) => name === 'app-Dead')
    expect(dead?.deadLetterSources).toEqual(['app-Work'])
  })

  it('keeps a secret that has a value, and fills dynamic references from it', async () => {
    const resources = {
      Key: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: { Name: 'app/key', SecretString: '{"current":"first"}' },
      },
      Copy: {
        Type: 'AWS::SSM::Parameter',
        DependsOn: 'Key',
        Properties: {
          Name: '/app/copy',
          Type: 'String',
          Value: 'is {{resolve:secretsmanager:app/key:SecretString:current}}',
        },
      },
    }
    await provisioned(resources)
    expect(engines.parameters.get('/app/copy')).toBe('is first')

    engines.secrets.putValue('app/key', '{"current":"second"}')
    await provisioned(resources)

    expect(engines.parameters.get('/app/copy')).toBe('is second')
  })
})

describe('functions', () => {
  it('have what the template says and the statements of their own role', async () => {
    const statement = allow('s3:GetObject', 'arn:aws:s3:::app-uploads/*')

    const { functions, principals } = await provisioned(workerResources([statement]))

    expect(functions).toEqual([
      {
        name: 'worker',
        codeDir: import.meta.dirname,
        handler: 'index.handler',
        memoryMb: 128,
        timeoutSeconds: 30,
        environment: { COUNT: '3' },
      },
    ])
    expect(principals).toEqual([
      {
        arn: 'arn:aws:iam::111122223333:role/worker-role',
        functionName: 'worker',
        policies: [{ Version: '2012-10-17', Statement: [statement] }],
      },
    ])
  })

  const withVariables = (variables: JsonObject): JsonObject => {
    const { Worker, ...role } = workerResources()
    const { Properties, ...rest } = Worker as { Properties: JsonObject }
    const Environment = { Variables: variables }
    return { ...role, Worker: { ...rest, Properties: { ...Properties, Environment } } }
  }

  it('that AWS would refuse are refused here', async () => {
    const key = 'k'.repeat(100)
    const many = Array.from({ length: 80 }, (_, i) =>
      allow('s3:GetObject', `arn:aws:s3:::${key}/${i}`),
    )

    await provisioned(withVariables({ LIST: 'x'.repeat(4092) }))
    await expect(provisioned(withVariables({ LIST: 'x'.repeat(4093) }))).rejects.toThrow(
      'stack app, Worker: variables of 4097 bytes, more than 4096',
    )
    await expect(provisioned(withVariables({ AWS_REGION: 'eu-central-1' }))).rejects.toThrow(
      'Lambda takes no variable of the name AWS_REGION',
    )
    await expect(provisioned(workerResources(many))).rejects.toThrow(
      /stack app, Role: has inline policies of \d+ characters, more than 10240/,
    )
  })
})

it('a name that AWS would find too long is an error', () => {
  const rule = { Type: 'AWS::Events::Rule', Properties: { Name: 'r'.repeat(65) } }

  expect(() => resolveResources({ Rule: rule })).toThrow('is longer than 64 characters')
})

describe('a route', () => {
  const api = (permission: JsonObject): JsonObject => ({
    ...workerResources(),
    ...permission,
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
    Stage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
    },
    Integration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Api' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': ['Worker', 'Arn'] },
        PayloadFormatVersion: '2.0',
      },
    },
    Route: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: 'GET /api/portals/{id}',
        Target: { 'Fn::Sub': `integrations/\${Integration}` },
      },
    },
  })
  const permission = (sourcePath: string, principal = 'apigateway.amazonaws.com'): JsonObject => ({
    Permission: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': ['Worker', 'Arn'] },
        Principal: principal,
        SourceArn: {
          'Fn::Sub': `arn:aws:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${Api}/${sourcePath}`,
        },
      },
    },
  })

  it('leads to its function when a permission lets it', async () => {
    const { apis } = await provisioned(api(permission('*/*')))

    expect(apis).toHaveLength(1)
    expect(apis[0]?.routes).toEqual([
      { routeKey: 'GET /api/portals/{id}', functionName: 'worker', timeoutMs: 30_000 },
    ])
  })

  it.each([
    ['there is no permission', {}],
    ['the permission is for another route', permission('*/POST/api/portals')],
    ['the permission is for another service', permission('*/*', 'events.amazonaws.com')],
  ])('is an error when %s', async (_name, resources) => {
    await expect(provisioned(api(resources))).rejects.toThrow(
      'stack app, Route: no AWS::Lambda::Permission lets GET /api/portals/{id} invoke worker',
    )
  })
})

describe('a rule', () => {
  const rule = (target: JsonObject): JsonObject => ({
    Arrived: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: 'arrived',
        EventPattern: { source: ['aws.s3'] },
        Targets: [{ Id: 'T', Arn: target }],
      },
    },
  })
  const queue = (statements: JsonObject[]): JsonObject => ({
    ...rule({ 'Fn::GetAtt': ['Work', 'Arn'] }),
    Work: { Type: 'AWS::SQS::Queue' },
    ...(statements.length === 0
      ? {}
      : {
          WorkPolicy: {
            Type: 'AWS::SQS::QueuePolicy',
            Properties: {
              Queues: [{ Ref: 'Work' }],
              PolicyDocument: { Version: '2012-10-17', Statement: statements },
            },
          },
        }),
  })
  const sendFrom = (ruleName: string): JsonObject =>
    allow('sqs:SendMessage', '*', {
      Principal: { Service: 'events.amazonaws.com' },
      Condition: {
        ArnEquals: { 'aws:SourceArn': `arn:aws:events:us-east-1:111122223333:rule/${ruleName}` },
      },
    })

  it('sends to a queue whose policy lets it', async () => {
    const { rules } = await provisioned(queue([sendFrom('arrived')]))

    expect(rules).toMatchObject([
      { Name: 'arrived', Targets: [{ Arn: 'arn:aws:sqs:us-east-1:111122223333:app-Work' }] },
    ])
  })

  it.each([
    ['the queue has no policy', queue([])],
    ['the policy is for another rule', queue([sendFrom('another')])],
  ])('is an error when %s', async (_name, resources) => {
    await expect(provisioned(resources)).rejects.toThrow(
      'stack app, Arrived: no AWS::SQS::QueuePolicy lets the rule send to',
    )
  })

  it('is an error when its function does not let it in', async () => {
    const resources = { ...workerResources(), ...rule({ 'Fn::GetAtt': ['Worker', 'Arn'] }) }

    await expect(provisioned(resources)).rejects.toThrow('no AWS::Lambda::Permission lets the rule')
  })
})

describe('a queue mapping', () => {
  const mapping = (actions: string[]): JsonObject => ({
    ...workerResources([allow(actions, { 'Fn::GetAtt': ['Work', 'Arn'] })]),
    Work: { Type: 'AWS::SQS::Queue' },
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': ['Work', 'Arn'] },
        FunctionName: { Ref: 'Worker' },
        BatchSize: 10,
      },
    },
  })

  it('needs a role that may receive and delete', async () => {
    const { mappings } = await provisioned(mapping(['sqs:*']))
    expect(mappings).toMatchObject([{ FunctionName: 'worker', BatchSize: 10 }])

    await expect(
      provisioned(mapping(['sqs:ReceiveMessage', 'sqs:GetQueueAttributes'])),
    ).rejects.toThrow('stack app, Mapping: role Role does not allow sqs:DeleteMessage')
  })
})

describe('a stream mapping', () => {
  const ACTIONS = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams']
  const streamArn = 'arn:aws:dynamodb:us-east-1:111122223333:table/t/stream/x'
  const mapping = (actions: string[], maySend: boolean): JsonObject => ({
    ...workerResources([
      allow(
        actions.map((action) => `dynamodb:${action}`),
        streamArn,
      ),
      ...(maySend ? [allow('sqs:SendMessage', { 'Fn::GetAtt': ['Dead', 'Arn'] })] : []),
    ]),
    Dead: { Type: 'AWS::SQS::Queue' },
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: streamArn,
        FunctionName: { Ref: 'Worker' },
        StartingPosition: 'TRIM_HORIZON',
        BisectBatchOnFunctionError: true,
        DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
      },
    },
  })

  it('needs a role that may read the stream and send to the failure destination', async () => {
    const { mappings, streamMappings } = await provisioned(mapping(ACTIONS, true))
    expect(mappings).toEqual([])
    expect(streamMappings).toMatchObject([
      { FunctionName: 'worker', EventSourceArn: streamArn, BisectBatchOnFunctionError: true },
    ])

    await expect(provisioned(mapping(ACTIONS.slice(1), true))).rejects.toThrow(
      'stack app, Mapping: role Role does not allow dynamodb:DescribeStream',
    )
    await expect(provisioned(mapping(ACTIONS, false))).rejects.toThrow(
      'stack app, Mapping: role Role does not allow sqs:SendMessage',
    )
  })
})

describe('asynchronous invocation', () => {
  const DEAD = 'arn:aws:sqs:us-east-1:111122223333:app-Dead'
  const worker = (
    statements: JsonObject[],
    properties: JsonObject,
    config: JsonObject,
  ): JsonObject => {
    const { Worker, ...others } = workerResources(statements)
    const { Properties, ...rest } = Worker as { Properties: JsonObject }
    return {
      ...others,
      Dead: { Type: 'AWS::SQS::Queue' },
      Worker: { ...rest, Properties: { ...Properties, ...properties } },
      Config: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'Worker' }, Qualifier: '$LATEST', ...config },
      },
    }
  }
  const maySend = [allow('sqs:SendMessage', DEAD)]
  const onFailure = (arn: string): JsonObject => ({
    DestinationConfig: { OnFailure: { Destination: arn } },
  })

  it('is set by the function and its EventInvokeConfig', async () => {
    const { functions } = await provisioned(
      worker(
        maySend,
        { RecursiveLoop: 'Allow', DeadLetterConfig: { TargetArn: DEAD } },
        { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60, ...onFailure(DEAD) },
      ),
    )

    expect(functions[0]).toMatchObject({
      recursiveLoop: 'Allow',
      deadLetterQueueArn: DEAD,
      asyncRetries: 0,
      asyncMaximumAgeSeconds: 60,
      onFailureArn: DEAD,
    })
  })

  it.each([
    ['the role may not send', worker([], {}, onFailure(DEAD)), 'does not allow sqs:SendMessage'],
    ['it is no queue', worker(maySend, {}, onFailure('arn:aws:sns:x')), 'is not a queue'],
    ['there are three retries', worker([], {}, { MaximumRetryAttempts: 3 }), 'from 0 to 2'],
    [
      'events live a minute less a second',
      worker([], {}, { MaximumEventAgeInSeconds: 59 }),
      'from 60',
    ],
    [
      'successes go somewhere',
      worker([], {}, { DestinationConfig: { OnSuccess: {} } }),
      'OnSuccess',
    ],
    ['the loop is neither', worker([], { RecursiveLoop: 'Maybe' }, {}), 'RecursiveLoop Maybe'],
    ['the qualifier is another', worker([], {}, { Qualifier: 'live' }), 'qualifier live'],
  ])('is an error when %s', async (_what, resources, message) => {
    await expect(provisioned(resources)).rejects.toThrow(message)
  })
})

it('an alarm that watches nothing is an error', async () => {
  const alarm = (queueName: string): JsonObject => ({
    Work: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'work' } },
    Late: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: { Dimensions: [{ Name: 'QueueName', Value: queueName }] },
    },
  })

  await provisioned(alarm('work'))
  await expect(provisioned(alarm('wrok'))).rejects.toThrow('watches QueueName wrok')
})
