import { LOCAL_ACCOUNT_ID } from '../engine.ts'
import type { PolicyDocument } from '../policy-document.ts'

/**
 * "The default key policy gives the account permission to use IAM policies" and nobody anything else.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export const DEFAULT_KEY_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${LOCAL_ACCOUNT_ID}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
}
