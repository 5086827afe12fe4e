/**
 * `npm run deploy`: builds and deploys one stage. Credentials and region are the AWS command
 * line's. The pages go up after the stacks.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { S3Client } from '@aws-sdk/client-s3'
import { OAUTH_PROVIDER_IDS } from '../shared/providers/providers.ts'
import { buildAll } from './build.ts'
import { operatorSteps } from './operator-steps.ts'
import { LIMIT_NAMES } from './stages.ts'
import { uploadSite } from './upload-site.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit' })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.on('error', reject)
  child.on('close', (code) => {
    if (code === 0) resolve()
    else reject(new DeployError(`cdk ${args[0]} ended with ${code}; its own lines above say why.`))
  })
  await promise
}

interface SiteOutputs {
  SiteBucketName: string
  SiteOrigin: string
  DistributionDomainName: string
}

const HELP = `npm run deploy -- [options]

  --stage NAME                 trial (default) or prod
  --bootstrap                  prepares the account for the CDK first; needed once
  --domain-name HOST           the public host name; prod requires it
  --sign-up WHO                closed, allow-list (default) or open
  --sign-up-allow-list A,B     verified e-mail addresses or <provider>:<subject>, the provider
                               being ${OAUTH_PROVIDER_IDS.join(' or ')}
  --limit NAME=NUMBER          openSubmissionsPerAddress, portalDailyFiles, portalDailyBytes,
                               deploymentDailyFiles or deploymentDailyBytes; may be repeated
  --origin-secret-version ID   after the origin secret was rotated
`

/** What went wrong is the operator's to put right; the sentence says how. */
class DeployError extends Error {
  override name = 'DeployError' as const
}

function readOptions() {
  return parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      stage: { type: 'string', default: 'trial' },
      bootstrap: { type: 'boolean', default: false },
      'domain-name': { type: 'string' },
      'sign-up': { type: 'string' },
      'sign-up-allow-list': { type: 'string' },
      limit: { type: 'string', multiple: true, default: [] },
      'origin-secret-version': { type: 'string' },
    },
  }).values
}

/** Names and numbers are judged by the stage that they are for; here only their form is. */
function readLimits(limits: string[]): Record<string, string> {
  return Object.fromEntries(
    limits.map((limit) => {
      const [name, value] = limit.split('=')
      if (name && value && LIMIT_NAMES.includes(name)) return [name, value]
      throw new DeployError(
        `--limit takes one of ${LIMIT_NAMES.join(', ')} with =NUMBER, not ${limit}`,
      )
    }),
  )
}

async function deploy(values: ReturnType<typeof readOptions>): Promise<void> {
  if (values.stage === 'prod' && values['domain-name'] === undefined) {
    throw new DeployError('prod needs a public host name: --domain-name files.example.com')
  }
  const context = {
    ...readLimits(values.limit),
    stage: values.stage,
    domainName: values['domain-name'],
    signUp: values['sign-up'],
    signUpAllowList: values['sign-up-allow-list'],
    originSecretVersion: values['origin-secret-version'],
  }
  const outputsFile = join(DIST, 'outputs.json')

  await buildAll({ outDir: DIST })
  const cdk = join(ROOT, 'node_modules', '.bin', 'cdk')
  const contextArgs = Object.entries(context).flatMap(([name, value]) =>
    value === undefined ? [] : ['-c', `${name}=${value}`],
  )
  // Every account and region of the stage's stacks: a host name brings us-east-1 in.
  if (values.bootstrap) await run(cdk, ['bootstrap', ...contextArgs])
  await run(cdk, ['deploy', '--all', '--outputs-file', outputsFile, ...contextArgs])
  const outputs = JSON.parse(await readFile(outputsFile, 'utf8')) as Record<string, SiteOutputs>
  const site = outputs[`portage-${values.stage}-site`]
  if (site === undefined) throw new Error('The site stack reported no outputs')
  // The CDK obeys both variables, the SDK only the first.
  const region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION']
  const s3 = new S3Client({
    followRegionRedirects: true,
    ...(region === undefined ? {} : { region }),
  })
  const uploaded = await uploadSite(s3, {
    siteDir: join(DIST, 'site'),
    bucket: site.SiteBucketName,
  })

  console.log(`
${uploaded} files uploaded. Portage ${values.stage} is at ${site.SiteOrigin}

Still to do, once per stage:

${operatorSteps(values.stage, site, context.domainName)}`)
}

try {
  const options = readOptions()
  if (options.help) console.log(HELP)
  else await deploy(options)
} catch (error) {
  const expected = error instanceof DeployError || error instanceof TypeError
  console.error(expected ? `\n${error.message}\n` : error)
  process.exitCode = 1
}
