/** The buckets, mostly those that the template declares, with their settings as CloudFormation spells them. */
import type { StatementSync } from 'node:sqlite'
import type { PolicyDocument } from '../policy-document.ts'
import type { MetadataDatabase } from './metadata-database.ts'
import { noSuchBucket } from './s3-errors.ts'

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-corsrule.html */
export interface CorsRule {
  Id?: string
  AllowedOrigins: string[]
  AllowedMethods: string[]
  AllowedHeaders?: string[]
  ExposedHeaders?: string[]
  MaxAge?: number
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-rule.html */
export interface LifecycleRule {
  Id?: string
  Status: 'Enabled' | 'Disabled'
  Prefix?: string
  ExpirationInDays?: number
  AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number }
}

export interface BucketOptions {
  name: string
  /** `CorsConfiguration`, or its `CorsRules`. */
  corsRules?: CorsRule[] | { CorsRules: CorsRule[] }
  /** `LifecycleConfiguration`, or its `Rules`. */
  lifecycleRules?: LifecycleRule[] | { Rules: LifecycleRule[] }
  /** Evaluated by the gateway. */
  policy?: PolicyDocument | undefined
  eventBridgeEnabled?: boolean
}

export interface Bucket {
  name: string
  createdMs: number
  corsRules: CorsRule[]
  lifecycleRules: LifecycleRule[]
  policy: PolicyDocument | undefined
  eventBridgeEnabled: boolean
}

const CORS_MEMBERS = [
  'Id',
  'AllowedOrigins',
  'AllowedMethods',
  'AllowedHeaders',
  'ExposedHeaders',
  'MaxAge',
]
const LIFECYCLE_MEMBERS = [
  'Id',
  'Status',
  'Prefix',
  'ExpirationInDays',
  'AbortIncompleteMultipartUpload',
]

export class BucketRegistry {
  readonly #buckets = new Map<string, Bucket>()
  readonly #save: StatementSync
  readonly #delete: StatementSync

  constructor(database: MetadataDatabase) {
    this.#save = database.prepare(
      `INSERT INTO buckets (name, config, created_ms) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET config = excluded.config`,
    )
    this.#delete = database.prepare('DELETE FROM buckets WHERE name = ?')
    for (const row of database.prepare('SELECT config, created_ms FROM buckets').all()) {
      const config: Bucket = JSON.parse(String(row['config']))
      const bucket = { ...config, createdMs: Number(row['created_ms']) }
      this.#buckets.set(bucket.name, bucket)
    }
  }

  /** Creates the bucket or gives it new settings; its objects stay. */
  put(options: BucketOptions, nowMs: number): void {
    const cors = options.corsRules ?? []
    const lifecycle = options.lifecycleRules ?? []
    const bucket: Bucket = {
      name: options.name,
      createdMs: this.#buckets.get(options.name)?.createdMs ?? nowMs,
      corsRules: Array.isArray(cors) ? cors : cors.CorsRules,
      lifecycleRules: Array.isArray(lifecycle) ? lifecycle : lifecycle.Rules,
      policy: options.policy,
      eventBridgeEnabled: options.eventBridgeEnabled ?? false,
    }
    for (const rule of bucket.corsRules) refuseUnknown('CORS rule', rule, CORS_MEMBERS)
    for (const rule of bucket.lifecycleRules) {
      refuseUnknown('lifecycle rule', rule, LIFECYCLE_MEMBERS)
    }
    this.#save.run(bucket.name, JSON.stringify(bucket), nowMs)
    this.#buckets.set(bucket.name, bucket)
  }

  remove(name: string): void {
    this.#delete.run(name)
    this.#buckets.delete(name)
  }

  find(name: string): Bucket | undefined {
    return this.#buckets.get(name)
  }

  require(name: string): Bucket {
    const bucket = this.#buckets.get(name)
    if (!bucket) throw noSuchBucket(name)
    return bucket
  }

  all(): Bucket[] {
    return [...this.#buckets.values()]
  }
}

/** A rule that would be obeyed in the cloud and ignored here must not pass unnoticed. */
function refuseUnknown(what: string, rule: object, known: string[]): void {
  const unknown = Object.keys(rule).filter((member) => !known.includes(member))
  if (unknown.length > 0) {
    throw new Error(`The local S3 engine does not know ${unknown.join(', ')} of a ${what}`)
  }
}
