/** What must survive: records, client files in transit, keys. Retained and protected in prod. */
import { Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { GrantKey } from './constructs/grant-key.ts'
import { PurposeSecret } from './constructs/purpose-secret.ts'
import { RecordTable } from './constructs/record-table.ts'
import { StagingBucket } from './constructs/staging-bucket.ts'
import type { Stage } from './stages.ts'

interface DataStackProps extends StackProps {
  stage: Stage
}

export class DataStack extends Stack {
  readonly records: RecordTable
  readonly staging: StagingBucket
  readonly grantKey: GrantKey
  readonly oauthClients: PurposeSecret
  readonly writeKey: PurposeSecret
  readonly readKey: PurposeSecret
  readonly portalKey: PurposeSecret
  readonly originVerify: PurposeSecret

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, props)
    const { stage } = props
    this.records = new RecordTable(this, 'Records', { stage })
    this.staging = new StagingBucket(this, 'Staging', { stage })
    this.grantKey = new GrantKey(this, 'GrantKey', { stage })
    this.oauthClients = new PurposeSecret(this, { stage, purpose: 'oauth-clients' })
    this.writeKey = new PurposeSecret(this, { stage, purpose: 'write-key' })
    this.portalKey = new PurposeSecret(this, { stage, purpose: 'portal-key' })
    this.readKey = new PurposeSecret(this, { stage, purpose: 'read-key' })
    this.originVerify = new PurposeSecret(this, { stage, purpose: 'origin-verify' })
  }
}
