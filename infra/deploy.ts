/**
 * Builds and deploys one stage: `npm run deploy -- --stage trial [--bootstrap] [--domain-name …]
 * [--sign-up …] [--sign-up-allow-list a@example.com,b@example.com] [--origin-secret-version …]`.
 * Credentials and region are the AWS command line's. The pages go up after the stacks.
 */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { buildAll } from './build.ts'
import { siteObject } from './site-object.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

/** Assets go up before the pages that name them, so that no visitor gets a page without its script. */
export async function uploadSite(
  s3: S3Client,
  { siteDir, bucket }: { siteDir: string; bucket: string },
): Promise<number> {
  const entries = await readdir(siteDir, { recursive: true, withFileTypes: true })
  const pagesLast = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(siteDir, join(entry.parentPath, entry.name)))
    .map((path) => siteObject(path.replaceAll('\\', '/')))
    .sort((a, b) => Number(a.key.endsWith('.html')) - Number(b.key.endsWith('.html')))
  for (const { key, contentType, cacheControl } of pagesLast) {
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: await readFile(join(siteDir, key)),
        ContentType: contentType,
        CacheControl: cacheControl,
      }),
    )
  }
  return pagesLast.length
}

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit' })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.on('error', reject)
  child.on('close', (code) => {
    if (code === 0) resolve()
    else reject(new Error(`${command} ${args[0]} ended with ${code}`))
  })
  await promise
}

interface SiteOutputs {
  SiteBucketName: string
  SiteOrigin: string
  DistributionDomainName: string
}

async function deploy(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stage: { type: 'string', default: 'trial' },
      bootstrap: { type: 'boolean', default: false },
      'domain-name': { type: 'string' },
      'sign-up': { type: 'string' },
      'sign-up-allow-list': { type: 'string' },
      'origin-secret-version': { type: 'string' },
    },
  })
  const context = {
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
1. In Google's console, give the OAuth client these redirect URIs:
     ${site.SiteOrigin}/api/auth/callback/google
     ${site.SiteOrigin}/api/oauth/google/callback
2. Store the client:
     aws secretsmanager put-secret-value --secret-id portage/${values.stage}/google-oauth \\
       --secret-string '{"clientId":"…","clientSecret":"…"}'`)
  if (context.domainName !== undefined) {
    console.log(`3. Point ${context.domainName} (CNAME or alias) to ${site.DistributionDomainName}`)
  }
}

if (import.meta.main) await deploy()
