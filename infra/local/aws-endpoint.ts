/** AWS on this machine: the engines in which resources live, behind the gateway that judges every call. */
import type { LocalClock } from './clock.ts'
import type { Closers } from './closers.ts'
import type { OperatorCredentials } from './credentials.ts'
import { dataFolder } from './data-folder.ts'
import { createDynamoDbEngine } from './dynamodb/dynamodb-engine.ts'
import { type AwsEngine, LOCAL_ACCOUNT_ID } from './engine.ts'
import { createGateway, type Gateway } from './gateway/gateway.ts'
import { PrincipalStore } from './gateway/principals.ts'
import { createKmsEngine } from './kms/kms-engine.ts'
import type { startWarden } from './lambda/warden.ts'
import type { CloudEngines } from './provision/cloud-engines.ts'
import { createS3Engine } from './s3/s3-engine.ts'
import { createParametersEngine } from './secrets/parameters-engine.ts'
import { createSecretsEngine } from './secrets/secrets-engine.ts'
import { createSqsEngine } from './sqs/sqs-engine.ts'

interface AwsEndpoint {
  engines: CloudEngines
  gateway: Gateway
  principals: PrincipalStore
  /** 127.0.0.1 and the port. */
  host: string
  url: string
}

export async function startAwsEndpoint(options: {
  dataDir: string
  /** 0 takes a free one. */
  port: number
  clock: LocalClock
  warden: ReturnType<typeof startWarden>
  operator: OperatorCredentials
  closers: Closers
}): Promise<AwsEndpoint> {
  const { dataDir, clock, warden, operator, closers } = options
  let url = ''
  const kms = createKmsEngine({ dataDir: dataFolder(dataDir, 'kms'), clock })
  const engines: CloudEngines = {
    dynamodb: await createDynamoDbEngine({
      dataDir: dataFolder(dataDir, 'dynamodb'),
      clock,
      warden,
    }),
    s3: createS3Engine({ dataDir: dataFolder(dataDir, 's3'), clock }),
    sqs: createSqsEngine({ dataDir: dataFolder(dataDir, 'sqs'), clock, baseUrl: () => url }),
    kms,
    secrets: createSecretsEngine({ dataDir: dataFolder(dataDir, 'secrets'), clock }),
    parameters: createParametersEngine({ dataDir: dataFolder(dataDir, 'secrets'), clock, kms }),
  }
  for (const engine of Object.values<AwsEngine>({ ...engines })) {
    closers.add(() => engine.close())
  }
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
  const host = `127.0.0.1:${(await gateway.listen(options.port)).port}`
  closers.add(() => gateway.close())
  url = `http://${host}`
  return { engines, gateway, principals, host, url }
}
