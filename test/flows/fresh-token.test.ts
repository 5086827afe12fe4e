import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roleCredentials } from '../../infra/local/credentials.ts'
import { LOCAL_REGION } from '../../infra/local/engine.ts'
import { emulatorVariables } from '../../infra/local/provider-emulators.ts'
import { ENV } from '../../shared/platform/env-names.ts'
import { type Owner, startTestCloud, type TestCloud } from '../support/local-cloud.ts'

const PROCESSES = 8
const CALLERS_OF_EACH = 8
const WORKER = 'portage-local-deliver-small'
const SCRIPT = join(import.meta.dirname, '..', 'support', 'ask-fresh-token.ts')
const BUNDLE = 'ask-fresh-token.cjs'

let test: TestCloud
let owner: Owner
let children: ChildProcess[] = []

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  // As a function is deployed: one file, which eight processes load in a fraction of the time.
  await build({
    entryPoints: [SCRIPT],
    outfile: join(test.dataDir, BUNDLE),
    bundle: true,
    platform: 'node',
    logLevel: 'error',
  })
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await test.close()
})

/** What the local cloud gives an environment of the function, so that its role's rights are these. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const { cloud, dataDir } = test
  const worker = cloud.provisioned.functions.find(({ name }) => name === WORKER)
  const role = roleCredentials(dataDir, WORKER)
  return {
    PATH: process.env['PATH'],
    ...worker?.environment,
    ...emulatorVariables(cloud.urls),
    AWS_ENDPOINT_URL: cloud.urls.aws,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: role.accessKeyId,
    AWS_SECRET_ACCESS_KEY: role.secretAccessKey,
    AWS_SESSION_TOKEN: role.sessionToken,
  }
}

/** Makes the access token of the owner's grant look expired; returns the grant's id. */
async function expireToken(): Promise<string> {
  const { operator, urls } = test.cloud
  const client = new DynamoDBClient({
    endpoint: urls.aws,
    region: operator.region,
    credentials: operator,
  })
  const table = DynamoDBDocumentClient.from(client)
  const TableName = workerEnvironment()[ENV.table]
  const account = await table.send(
    new GetCommand({ TableName, Key: { pk: `account#${owner.accountId}`, sk: 'account' } }),
  )
  const grantId = String(account.Item?.['grantId'])
  await table.send(
    new UpdateCommand({
      TableName,
      Key: { pk: `grant#${grantId}`, sk: 'grant' },
      UpdateExpression: 'SET accessTokenExpiresAtMs = :past',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':past': 0 },
    }),
  )
  client.destroy()
  return grantId
}

async function refreshes(): Promise<number> {
  const requests = await test.providerRequests()
  return requests.filter(({ operation }) => operation === 'oauth.token.refresh').length
}

it('64 callers in 8 processes who find the token expired make one refresh, and all get its token', async () => {
  const grantId = await expireToken()
  const env = workerEnvironment()
  children = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, [join(test.dataDir, BUNDLE), grantId], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  const outputs = children.map(({ stdout }) =>
    createInterface({ input: stdout ?? process.stdin })[Symbol.asyncIterator](),
  )
  for (const output of outputs) expect((await output.next()).value).toBe('ready')
  expect(await refreshes()).toBe(0)

  for (const { stdin } of children) stdin?.write('ask\n')
  const tokens: string[] = []
  for (const output of outputs) tokens.push(...JSON.parse((await output.next()).value ?? '[]'))
  await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')))

  expect(tokens).toHaveLength(PROCESSES * CALLERS_OF_EACH)
  expect(new Set(tokens).size).toBe(1)
  expect(await refreshes()).toBe(1)
  const about = await fetch(`${test.cloud.urls.google}/drive/v3/about?fields=user`, {
    headers: { authorization: `Bearer ${tokens[0]}` },
  })
  expect(about.status).toBe(200)
})
