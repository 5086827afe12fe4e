/**
 * Names of the environment variables that the stacks set and the functions read; those that say
 * where a provider is are in its `facts.ts`. Loaded by both worlds: runs nothing.
 */
import type { HostVariable } from '../providers/hosts.ts'

export const ENV = {
  stage: 'STAGE',
  table: 'TABLE_NAME',
  stagingBucket: 'STAGING_BUCKET',
  intakeQueueUrl: 'INTAKE_QUEUE_URL',
  smallDeliveryQueueUrl: 'SMALL_DELIVERY_QUEUE_URL',
  largeDeliveryQueueUrl: 'LARGE_DELIVERY_QUEUE_URL',
  accountQueueUrl: 'ACCOUNT_QUEUE_URL',
  downloadQueueUrl: 'DOWNLOAD_QUEUE_URL',
  grantKeyArn: 'GRANT_KEY_ARN',
  oauthClientsSecret: 'OAUTH_CLIENTS_SECRET_ARN',
  writeKeySecret: 'WRITE_KEY_SECRET_ARN',
  readKeySecret: 'READ_KEY_SECRET_ARN',
  portalKeySecret: 'PORTAL_KEY_SECRET_ARN',
  originVerifySecret: 'ORIGIN_VERIFY_SECRET_ARN',
  originParameter: 'ORIGIN_PARAMETER',
  signUp: 'SIGN_UP',
  signUpAllowList: 'SIGN_UP_ALLOW_LIST',
  intakeOpenParameter: 'INTAKE_OPEN_PARAMETER',
  openSubmissionsPerAddress: 'OPEN_SUBMISSIONS_PER_ADDRESS',
  portalDailyFiles: 'PORTAL_DAILY_FILES',
  portalDailyBytes: 'PORTAL_DAILY_BYTES',
  deploymentDailyFiles: 'DEPLOYMENT_DAILY_FILES',
  deploymentDailyBytes: 'DEPLOYMENT_DAILY_BYTES',
  workSliceSeconds: 'WORK_SLICE_SECONDS',
} as const

export type EnvName = (typeof ENV)[keyof typeof ENV] | HostVariable

/** Header by which the distribution proves itself to the API; its value is the `originVerify` secret. */
export const ORIGIN_VERIFY_HEADER = 'x-portage-origin-verify'

/** Prefixes of the staging bucket. */
export const STAGING_PREFIX = 'staging/'
export const SAFE_PREFIX = 'staging/safe/'
export const SCAN_PREFIX = 'staging/scan/'
export const DOWNLOADS_PREFIX = 'downloads/'
