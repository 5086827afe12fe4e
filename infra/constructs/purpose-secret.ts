/** One JSON secret per purpose. Values are generated at first deployment and never appear in a template. */
import { RemovalPolicy, SecretValue, Validations } from 'aws-cdk-lib'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { ENV, type EnvName } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import type { ServiceFunction } from './service-function.ts'

/** 43 characters of a 62-letter alphabet hold 256 bits. */
const SECRET_LENGTH = 43

interface Purpose {
  description: string
  env: EnvName
  /** Members beside the generated one. */
  members: Record<string, string>
  /** The member that is generated; without one, the operator fills the members in. */
  generated?: string
}

const PURPOSES = {
  // One for all providers: whoever may read one client may read them all. It begins empty whatever
  // providers there are, so that a new one does not change the template and with it what is stored.
  'oauth-clients': {
    description:
      "OAuth clients by provider, filled in by the operator from the providers' consoles",
    env: ENV.oauthClientsSecret,
    members: {},
  },
  'write-key': {
    description: 'Signs the write capability of a submission',
    env: ENV.writeKeySecret,
    members: { currentKeyId: 'k1' },
    generated: 'k1',
  },
  'read-key': {
    description: 'Signs the read capability of a submission',
    env: ENV.readKeySecret,
    members: { currentKeyId: 'k1' },
    generated: 'k1',
  },
  'portal-key': {
    description: 'Signs what the right password of a portal gives',
    env: ENV.portalKeySecret,
    members: { currentKeyId: 'k1' },
    generated: 'k1',
  },
  'origin-verify': {
    description: 'Header value by which CloudFront proves itself to the API',
    env: ENV.originVerifySecret,
    members: { previous: '' },
    generated: 'current',
  },
} as const satisfies Record<string, Purpose>

type SecretPurpose = keyof typeof PURPOSES

export function secretName(stage: Stage, purpose: SecretPurpose): string {
  return `portage/${stage.name}/${purpose}`
}

export class PurposeSecret extends Construct {
  private readonly secret: secretsmanager.Secret
  private readonly env: EnvName

  constructor(scope: Construct, { stage, purpose }: { stage: Stage; purpose: SecretPurpose }) {
    super(scope, purpose)
    const { description, env, members, generated }: Purpose = PURPOSES[purpose]
    this.env = env
    this.secret = new secretsmanager.Secret(this, 'Secret', {
      secretName: secretName(stage, purpose),
      description,
      removalPolicy: stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(generated === undefined
        ? // Empty values are no secret, and a later deployment leaves the operator's values alone.
          { secretStringValue: SecretValue.unsafePlainText(JSON.stringify(members)) }
        : {
            generateSecretString: {
              secretStringTemplate: JSON.stringify(members),
              generateStringKey: generated,
              excludePunctuation: true,
              passwordLength: SECRET_LENGTH,
            },
          }),
    })
    Validations.of(this.secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Rotation needs two live values and a deployment or a change at the provider; the runbook describes it, no Lambda can do it alone.',
    })
  }

  letRead(fn: ServiceFunction): void {
    fn.setEnv(this.env, this.secret.secretArn)
    fn.allow({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secret.secretArn] })
  }
}
