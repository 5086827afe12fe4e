/** AWS clients, made once per environment and only when a function uses them. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { SSMClient } from '@aws-sdk/client-ssm'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'

function once<Client>(make: () => Client): () => Client {
  let client: Client | undefined
  return () => {
    client ??= make()
    return client
  }
}

export const documentClient = once(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient({}), {
    marshallOptions: { removeUndefinedValues: true },
  }),
)

// The default checksum mode puts the CRC of an empty body into presigned requests
// (https://github.com/aws/aws-sdk-js-v3/issues/6818), and a full-object checksum is S3's own work.
export const s3Client = once(
  () =>
    new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
)

export const sqsClient = once(() => new SQSClient({}))
export const kmsClient = once(() => new KMSClient({}))
export const secretsClient = once(() => new SecretsManagerClient({}))
export const parametersClient = once(() => new SSMClient({}))
