/**
 * AWS clients, made once per environment and only when a function uses them. The mark lets a
 * bundle leave out the clients that its function does not use.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { SSMClient } from '@aws-sdk/client-ssm'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { systemClock } from './clock.ts'
import { requireEnv } from './env.ts'
import { ENV } from './env-names.ts'
import { type UploadQueue, uploadQueue } from './queues.ts'
import {
  type OwnersStaging,
  ownersStaging,
  type StagingBucket,
  stagingBucket,
} from './staging-bucket.ts'
import { retryConflicts, type Table } from './table.ts'

function once<Client>(make: () => Client): () => Client {
  let client: Client | undefined
  return () => {
    client ??= make()
    return client
  }
}

export const documentClient = /* @__PURE__ */ once(() =>
  retryConflicts(
    DynamoDBDocumentClient.from(new DynamoDBClient({}), {
      marshallOptions: { removeUndefinedValues: true },
    }),
  ),
)

// The default checksum mode puts the CRC of an empty body into presigned requests
// (https://github.com/aws/aws-sdk-js-v3/issues/6818), and a full-object checksum is S3's own work.
export const s3Client = /* @__PURE__ */ once(
  () =>
    new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
)

export const sqsClient = /* @__PURE__ */ once(() => new SQSClient({}))
export const kmsClient = /* @__PURE__ */ once(() => new KMSClient({}))
export const secretsClient = /* @__PURE__ */ once(() => new SecretsManagerClient({}))
export const parametersClient = /* @__PURE__ */ once(() => new SSMClient({}))

/** The one table. */
export function environmentTable(): Table {
  return { name: requireEnv(ENV.table), client: documentClient() }
}

export function environmentStaging(): StagingBucket {
  return stagingBucket(s3Client(), requireEnv(ENV.stagingBucket))
}

export function environmentOwnersStaging(): OwnersStaging {
  return ownersStaging(s3Client(), requireEnv(ENV.stagingBucket))
}

export function environmentQueue(name: (typeof ENV)[keyof typeof ENV]): UploadQueue {
  return uploadQueue(sqsClient(), requireEnv(name))
}

/** Reader of a JSON secret that the stack names. */
export function environmentSecrets() {
  return { secrets: secretsClient(), clock: systemClock }
}
