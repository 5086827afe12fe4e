/**
 * Where client files wait for delivery (`staging/`) and where large downloads are put back for an
 * hour (`downloads/`). The presigned URL is the capability, so CORS lets any origin PUT.
 */
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { DOWNLOADS_PREFIX, ENV, STAGING_PREFIX } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

/** 15 minutes, the longest life of a presigned URL of ours. */
const OLDEST_SIGNATURE_MS = 900_000

export class StagingBucket extends Construct {
  /** The bucket itself, for event rules and the pages' content security policy. */
  readonly bucket: s3.Bucket

  constructor(scope: Construct, id: string, { stage }: { stage: Stage }) {
    super(scope, id)
    this.bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      cors: [
        {
          allowedOrigins: ['*'],
          allowedMethods: [s3.HttpMethods.PUT],
          allowedHeaders: ['content-type', 'if-none-match'],
          exposedHeaders: ['ETag'],
          maxAge: 3600,
        },
      ],
      lifecycleRules: [
        { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { id: 'downloads', prefix: DOWNLOADS_PREFIX, expiration: Duration.days(1) },
      ],
    })
    // The L2 property would add a custom-resource Lambda; CloudFormation knows this one by itself.
    const cfnBucket = this.bucket.node.defaultChild as s3.CfnBucket
    cfnBucket.notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'RefuseOldSignatures',
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: ['s3:*'],
        resources: [this.bucket.arnForObjects('*')],
        conditions: { NumericGreaterThan: { 's3:signatureAge': `${OLDEST_SIGNATURE_MS}` } },
      }),
    )
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'S3 access logs hold the query strings of presigned URLs, which are capabilities; the table keeps who sent what.',
    })
  }

  /** Signs and completes what clients send, and asks what has arrived. */
  letReceive(fn: ServiceFunction): void {
    this.allow(fn, STAGING_PREFIX, [
      's3:PutObject',
      's3:AbortMultipartUpload',
      's3:ListMultipartUploadParts',
      's3:GetObject',
    ])
    this.tellMissing(fn)
  }

  /** Looks into what arrived, puts together what nobody completed and clears what is refused. */
  letTakeIn(fn: ServiceFunction): void {
    this.allow(fn, STAGING_PREFIX, [
      's3:PutObject',
      's3:GetObject',
      's3:DeleteObject',
      's3:AbortMultipartUpload',
      's3:ListMultipartUploadParts',
    ])
    this.tellMissing(fn)
  }

  /** Reads what is to be delivered and deletes it after proof. */
  letDeliver(fn: ServiceFunction): void {
    this.allow(fn, STAGING_PREFIX, ['s3:GetObject', 's3:DeleteObject'])
  }

  /** Deletes the staged bytes of a file that its owner deletes, and what has arrived of it. */
  letDiscard(fn: ServiceFunction): void {
    this.allow(fn, STAGING_PREFIX, ['s3:DeleteObject', 's3:AbortMultipartUpload'])
  }

  /** Puts a large file back for its owner to download. */
  letRestage(fn: ServiceFunction): void {
    this.allow(fn, DOWNLOADS_PREFIX, [
      's3:PutObject',
      's3:AbortMultipartUpload',
      's3:ListMultipartUploadParts',
    ])
  }

  /** Signs the download of what was put back. */
  letHandOut(fn: ServiceFunction): void {
    this.allow(fn, DOWNLOADS_PREFIX, ['s3:GetObject'])
  }

  /**
   * Without this permission S3 answers 403 for a missing key, and "has not arrived" could not be
   * told from "may not look" (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
   */
  private tellMissing(fn: ServiceFunction): void {
    fn.allow({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] })
  }

  private allow(fn: ServiceFunction, prefix: string, actions: string[]): void {
    fn.setEnv(ENV.stagingBucket, this.bucket.bucketName)
    fn.allow({ actions, resources: [this.bucket.arnForObjects(`${prefix}*`)] })
    Validations.of(fn).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${this.importedArn()}/${prefix}*]`,
      reason: 'Keys are made per upload; a role reaches its own prefix only.',
    })
  }

  /** The bucket's ARN as the rule spells it when another stack uses it. */
  private importedArn(): string {
    const stack = Stack.of(this)
    const imported: { 'Fn::ImportValue': string } = stack.resolve(
      stack.exportValue(this.bucket.bucketArn),
    )
    return imported['Fn::ImportValue']
  }
}
