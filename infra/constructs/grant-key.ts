/** The KMS key that wraps the envelope key of every grant; usable only with the encryption context of that purpose. */
import { RemovalPolicy } from 'aws-cdk-lib'
import * as kms from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { ENV } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

export class GrantKey extends Construct {
  private readonly key: kms.Key

  constructor(scope: Construct, id: string, { stage }: { stage: Stage }) {
    super(scope, id)
    this.key = new kms.Key(this, 'Key', {
      description: `Portage ${stage.name}: wraps the envelope keys of storage grants`,
      enableKeyRotation: true,
      removalPolicy: stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
  }

  /** Wraps and unwraps envelope keys of grants. */
  letWrap(fn: ServiceFunction): void {
    fn.setEnv(ENV.grantKeyArn, this.key.keyArn)
    fn.allow({
      actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
      resources: [this.key.keyArn],
      conditions: { StringEquals: { 'kms:EncryptionContext:purpose': 'grant' } },
    })
  }
}
