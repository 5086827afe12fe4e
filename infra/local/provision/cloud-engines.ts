import type { DynamoDbEngine } from '../dynamodb/dynamodb-engine.ts'
import type { KmsEngine } from '../kms/kms-engine.ts'
import type { S3Engine } from '../s3/s3-engine.ts'
import type { ParametersEngine } from '../secrets/parameters-engine.ts'
import type { SecretsEngine } from '../secrets/secrets-engine.ts'
import type { SqsEngine } from '../sqs/sqs-engine.ts'

/** The services in which resources live. */
export interface CloudEngines {
  dynamodb: DynamoDbEngine
  s3: S3Engine
  sqs: SqsEngine
  kms: KmsEngine
  secrets: SecretsEngine
  parameters: ParametersEngine
}
