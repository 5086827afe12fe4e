/**
 * Takes the place of `@aws-sdk/credential-provider-node` in every function bundle. Lambda hands
 * credentials over in the environment only, so the code for profiles, SSO and instance metadata
 * would be loaded at every cold start for nothing.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */

interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

export function defaultProvider(): () => Promise<Credentials> {
  return async () => {
    const accessKeyId = process.env['AWS_ACCESS_KEY_ID']
    const secretAccessKey = process.env['AWS_SECRET_ACCESS_KEY']
    const sessionToken = process.env['AWS_SESSION_TOKEN']
    if (!accessKeyId || !secretAccessKey) {
      throw new Error('The environment holds no AWS credentials')
    }
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
  }
}
