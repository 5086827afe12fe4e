/** What attackers and their judges need: raw flows, the table as it lies there, and the credentials of each role. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DeleteCommand, DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb'
import type { AppClient } from '../../../infra/local/app-client.ts'
import { roleCredentials } from '../../../infra/local/credentials.ts'
import type { OauthProviderId } from '../../../shared/contract/common.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import type { TestCloud } from '../../support/local-cloud.ts'
import type { ProviderSuite } from '../../support/provider-suite.ts'

/** Every item by its key; two that are equal mean that nothing was written between them. */
export type TableDump = Map<string, Record<string, unknown>>

export async function dumpTable(test: TestCloud): Promise<TableDump> {
  const dump: TableDump = new Map()
  await withTable(test, async (client, TableName) => {
    for await (const page of paginateScan({ client }, { TableName })) {
      for (const item of page.Items ?? []) dump.set(`${item['pk']} ${item['sk']}`, item)
    }
  })
  return new Map([...dump].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Takes an item away behind the application's back. */
export function removeItem(test: TestCloud, Key: { pk: string; sk: string }): Promise<void> {
  return withTable(test, async (client, TableName) => {
    const ConditionExpression = 'attribute_exists(pk)'
    await client.send(new DeleteCommand({ TableName, Key, ConditionExpression }))
  })
}

/** What the provider's emulator keeps. */
export function providerDatabase<Value>(
  test: TestCloud,
  provider: OauthProviderId,
  work: (database: DatabaseSync) => Value,
): Value {
  const file = join(test.dataDir, provider, provider, `${provider}.sqlite`)
  const database = new DatabaseSync(file)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Every code, token and address of a session that a provider has given out. */
export function providerSecrets(
  test: TestCloud,
  { id, secrets }: Pick<ProviderSuite, 'id' | 'secrets'>,
): string[] {
  return providerDatabase(test, id, (database) =>
    secrets.flatMap(({ table, column }) =>
      database
        .prepare(`SELECT ${column} AS secret FROM ${table}`)
        .all()
        .map(({ secret }) => String(secret)),
    ),
  )
}

/** The table as the operator's credentials open it. */
export async function withTable<Value>(
  test: TestCloud,
  work: (client: DynamoDBDocumentClient, TableName: string) => Promise<Value>,
): Promise<Value> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(operator(test)))
  try {
    return await work(client, tableName(test))
  } finally {
    client.destroy()
  }
}

/** Items of one type, `session` for `session#…`. */
export function ofType(dump: TableDump, type: string): Record<string, unknown>[] {
  return [...dump.values()].filter((item) => String(item['pk']).startsWith(`${type}#`))
}

export function tableName(test: TestCloud): string {
  return variable(test, 'auth', ENV.table)
}

/** A variable of a function, `auth` for `portage-local-auth`, as the templates set it. */
export function variable(test: TestCloud, functionName: string, name: string): string {
  const fn = test.cloud.provisioned.functions.find((one) => one.name === fullName(functionName))
  const value = fn?.environment[name]
  if (value === undefined) throw new Error(`${functionName} has no variable ${name}`)
  return value
}

export function fullName(functionName: string): string {
  return `portage-local-${functionName}`
}

interface ClientConfig {
  endpoint: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  maxAttempts: number
  systemClockOffset: number
}

export function operator({ cloud }: TestCloud): ClientConfig {
  const { accessKeyId, secretAccessKey, region } = cloud.operator
  return {
    endpoint: cloud.urls.aws,
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    systemClockOffset: cloud.clock.offsetMs,
  }
}

/** Clients that sign as the role of a function, as somebody would who took it over. */
export function takeOver(test: TestCloud, functionName: string) {
  const config: ClientConfig = {
    ...operator(test),
    credentials: roleCredentials(test.dataDir, fullName(functionName)),
  }
  return {
    table: DynamoDBDocumentClient.from(new DynamoDBClient(config)),
    kms: new KMSClient(config),
    secrets: new SecretsManagerClient(config),
  }
}

/** Begins a flow and lets the provider's page be answered elsewhere; the callback is not opened. */
export async function callbackUrl(
  browser: AppClient,
  flow: 'login' | 'connect',
  email: string,
  provider?: OauthProviderId,
): Promise<URL> {
  return consentAt(await authorizeUrl(browser, flow, { provider }), email)
}

export async function authorizeUrl(
  browser: AppClient,
  flow: 'login' | 'connect',
  {
    provider = 'google',
    returnTo = '/',
  }: { provider?: OauthProviderId | undefined; returnTo?: string } = {},
): Promise<URL> {
  const path = flow === 'login' ? `/api/auth/login/${provider}` : `/api/oauth/${provider}/start`
  const start = await browser.send('GET', `${path}?returnTo=${encodeURIComponent(returnTo)}`)
  return location(start)
}

/** Answers the provider's page as its form does; all scopes are granted. */
export async function consentAt(authorize: URL, email: string): Promise<URL> {
  const response = await fetch(authorize, {
    method: 'POST',
    body: new URLSearchParams({ account: email, decision: 'allow' }),
    redirect: 'manual',
  })
  return location(response)
}

export function location(response: Response): URL {
  const value = response.headers.get('location')
  if (value === null) throw new Error(`no redirect but ${response.status}`)
  return new URL(value, response.url)
}

/** A copy of a URL with one parameter set, or left out. */
export function withParameter(url: URL, name: string, value: string | undefined): URL {
  const changed = new URL(url)
  if (value === undefined) changed.searchParams.delete(name)
  else changed.searchParams.set(name, value)
  return changed
}

export async function problemOf(response: Response): Promise<{ status: number; code: string }> {
  const problem = (await response.json()) as { code: string }
  return { status: response.status, code: problem.code }
}
