import { spawn } from 'node:child_process'
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
import { count, deliveriesOf } from '../support/deliveries.ts'
import { type Owner, startTestCloud, type TestCloud } from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'

const PROCESSES = 8
const CALLERS_OF_EACH = 8
const WORKER = 'portage-local-deliver-small'
const SCRIPT = join(import.meta.dirname, '..', 'support', 'ask-fresh-token.ts')
const BUNDLE = 'ask-fresh-token.cjs'

let test: TestCloud
let children: { ask: (line: string) => void; answer: () => Promise<string>; end: () => void }[] = []

beforeAll(async () => {
  test = await startTestCloud()
  // As a function is deployed: one file, which eight processes load in a fraction of the time.
  await build({
    entryPoints: [SCRIPT],
    outfile: join(test.dataDir, BUNDLE),
    bundle: true,
    platform: 'node',
    logLevel: 'error',
  })
  children = Array.from({ length: PROCESSES }, startChild)
  for (const child of children) expect(await child.answer()).toBe('ready')
})
afterAll(async () => {
  for (const child of children) child.end()
  await test.close()
})

function startChild() {
  const child = spawn(process.execPath, [join(test.dataDir, BUNDLE)], {
    env: workerEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ask: (line: string) => child.stdin.write(`${line}\n`),
    answer: async () => String((await lines.next()).value),
    end: () => child.kill('SIGKILL'),
  }
}

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
async function expireToken(owner: Owner): Promise<string> {
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

it.each(PROVIDERS)(
  '64 callers in 8 processes who find the token of $name expired make one refresh, and all get its token',
  async (provider) => {
    const owner = await test.owner({ provider: provider.id })
    const grantId = await expireToken(owner)
    const files = deliveriesOf(test, owner)
    const tokens: string[] = []

    const requests = await files.requestsOf(async () => {
      for (const { ask } of children) ask(grantId)
      for (const { answer } of children) tokens.push(...JSON.parse(await answer()))
    })

    expect(tokens).toHaveLength(PROCESSES * CALLERS_OF_EACH)
    expect(new Set(tokens).size).toBe(1)
    expect(count(requests, 'oauth.token.refresh')).toBe(1)
    const [accessToken = ''] = tokens
    const driver = provider.driver(test.cloud.urls[provider.id])
    expect(await driver.quota({ accessToken })).toMatchObject({ usedBytes: 0 })
  },
)
