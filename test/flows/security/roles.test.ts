import { DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FUNCTION_NAMES, type FunctionName } from '../../../infra/constructs/function-list.ts'
import { ENV } from '../../../shared/platform/env-names.ts'
import { INDEX } from '../../../shared/platform/table.ts'
import { type Owner, startTestCloud, type TestCloud } from '../../support/local-cloud.ts'
import { dumpTable, ofType, removeItem, tableName, takeOver, variable } from './attack.ts'

/** Functions that anybody can make run. */
const CLIENT_SIDE: FunctionName[] = ['public-portals', 'client-uploads']

/** Who may use the key that wraps the tokens of grants. */
const KEY_HOLDERS: FunctionName[] = [
  'connect',
  'accounts',
  'uploads',
  'deliver-small',
  'deliver-large',
  'restage-download',
  'tend-account',
]

/** Records that open something, and who may read or change them; everybody else may not. */
const GUARDED: Record<string, { read: FunctionName[]; change: FunctionName[] }> = {
  session: {
    read: ['auth', 'connect', 'accounts', 'portals', 'uploads', 'events', 'settings'],
    change: ['auth'],
  },
  state: { read: ['auth', 'connect'], change: ['auth', 'connect'] },
  user: { read: ['auth', 'connect', 'accounts', 'settings'], change: ['auth', 'settings'] },
  login: { read: ['auth', 'accounts'], change: ['auth'] },
  grant: {
    read: KEY_HOLDERS,
    change: KEY_HOLDERS,
  },
}

const API: FunctionName[] = [
  'auth',
  'connect',
  'accounts',
  'portals',
  'uploads',
  'events',
  'settings',
  'public-portals',
  'client-uploads',
]
const SECRETS: { env: string; holder: FunctionName; readers: FunctionName[] }[] = [
  { env: ENV.writeKeySecret, holder: 'client-uploads', readers: ['client-uploads'] },
  { env: ENV.readKeySecret, holder: 'client-uploads', readers: ['client-uploads'] },
  { env: ENV.originVerifySecret, holder: 'auth', readers: API },
  { env: ENV.oauthClientsSecret, holder: 'auth', readers: ['auth', ...KEY_HOLDERS] },
]

const DENIED = 'AccessDeniedException'

let test: TestCloud
let owner: Owner
/** Keys of real records by type. */
let keys: Record<string, { pk: string; sk: string }>
let grant: Record<string, unknown>

beforeAll(async () => {
  test = await startTestCloud()
  owner = await test.owner()
  await owner.http.send('GET', '/api/oauth/google/start')
  const dump = await dumpTable(test)
  keys = Object.fromEntries(
    Object.keys(GUARDED).map((type) => {
      const [item] = ofType(dump, type)
      if (item === undefined) throw new Error(`the table holds no ${type}`)
      return [type, { pk: String(item['pk']), sk: String(item['sk']) }]
    }),
  )
  grant = ofType(dump, 'grant')[0] ?? {}
})
afterAll(() => test.close())

function keyOf(type: string): { pk: string; sk: string } {
  const key = keys[type]
  if (key === undefined) throw new Error(`no key of ${type}`)
  return key
}

/** `allowed`, or the name of the refusal. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'allowed'
  } catch (error) {
    return (error as Error).name
  }
}

function grantContext(changes: Record<string, string> = {}): Record<string, string> {
  return {
    purpose: 'grant',
    userId: String(grant['userId']),
    grantId: String(grant['id']),
    ...changes,
  }
}

function unwrap(functionName: FunctionName, context: Record<string, string>): Promise<string> {
  return outcome(
    takeOver(test, functionName).kms.send(
      new DecryptCommand({
        KeyId: variable(test, 'connect', ENV.grantKeyArn),
        CiphertextBlob: Buffer.from(String(grant['wrappedKey']), 'base64'),
        EncryptionContext: context,
      }),
    ),
  )
}

describe('security rule 15: what a function that was taken over can reach', () => {
  it.each(Object.entries(GUARDED))(
    'records of type %s are open to those that need them, and to nobody else',
    async (type, { read, change }) => {
      const Key = keyOf(type)
      const TableName = tableName(test)
      // Refused by its condition when the role lets it through at all.
      const refusedAnyway = { ConditionExpression: 'attribute_not_exists(pk)' }
      for (const name of FUNCTION_NAMES) {
        const { table } = takeOver(test, name)
        const got = await outcome(table.send(new GetCommand({ TableName, Key })))
        const put = await outcome(
          table.send(new PutCommand({ TableName, Item: Key, ...refusedAnyway })),
        )
        const deleted = await outcome(
          table.send(new DeleteCommand({ TableName, Key, ...refusedAnyway })),
        )

        expect({ name, got }).toEqual({ name, got: read.includes(name) ? 'allowed' : DENIED })
        const changed = change.includes(name) ? 'ConditionalCheckFailedException' : DENIED
        expect({ name, put, deleted }).toEqual({ name, put: changed, deleted: changed })
      }
    },
  )

  it.each(CLIENT_SIDE)('%s finds no way round its list of types', async (name) => {
    const { table } = takeOver(test, name)
    const TableName = tableName(test)
    const session = keyOf('session')
    const portal = { pk: `portal#${owner.portal.id}`, sk: 'portal' }
    const user = String(grant['userId'])
    const ways: Record<string, () => Promise<unknown>> = {
      scan: () => table.send(new ScanCommand({ TableName })),
      query: () =>
        table.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: 'pk = :pk',
            ExpressionAttributeValues: { ':pk': session.pk },
          }),
        ),
      'batch with one key of its own': () =>
        table.send(
          new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [portal, session] } } }),
        ),
      'condition of a transaction': () =>
        table.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                ConditionCheck: {
                  TableName,
                  Key: session,
                  ConditionExpression: 'attribute_exists(pk)',
                },
              },
            ],
          }),
        ),
      'write of a transaction': () =>
        table.send(
          new TransactWriteCommand({
            TransactItems: [{ Put: { TableName, Item: { ...session, userId: 'usr_evil' } } }],
          }),
        ),
      ...Object.fromEntries(
        Object.values(INDEX).map((IndexName) => [
          `index ${IndexName}`,
          () =>
            table.send(
              new QueryCommand({
                TableName,
                IndexName,
                KeyConditionExpression: '#pk = :pk',
                ExpressionAttributeNames: {
                  '#pk': `${IndexName.slice('by'.length).toLowerCase()}Pk`,
                },
                ExpressionAttributeValues: { ':pk': `accounts#${user}` },
              }),
            ),
        ]),
      ),
    }
    const before = await dumpTable(test)
    for (const [way, call] of Object.entries(ways)) {
      expect(`${way}: ${await outcome(call())}`).toBe(`${way}: ${DENIED}`)
    }
    expect(await dumpTable(test)).toEqual(before)
  })

  it('public-portals changes nothing at all', async () => {
    const { table } = takeOver(test, 'public-portals')
    for (const pk of [`portal#${owner.portal.id}`, 'slug#letters', `account#${owner.accountId}`]) {
      const put = table.send(
        new PutCommand({ TableName: tableName(test), Item: { pk, sk: pk.split('#')[0] } }),
      )
      expect(await outcome(put)).toBe(DENIED)
    }
  })

  it('client-uploads rebinds no portal and moves no file to another account', async () => {
    const { table } = takeOver(test, 'client-uploads')
    for (const type of ['portal', 'slug', 'account', 'delivery', 'name', 'folder']) {
      const put = table.send(
        new PutCommand({ TableName: tableName(test), Item: { pk: `${type}#x`, sk: type } }),
      )
      expect(`${type} ${await outcome(put)}`).toBe(`${type} ${DENIED}`)
    }
  })

  it.each(['auth', 'client-uploads'] as const)(
    '%s tells what happened, and reads, changes or removes nothing that was told',
    async (name) => {
      const { table } = takeOver(test, name)
      const TableName = tableName(test)
      const Key = { pk: 'event#x', sk: 'event' }
      const told = table.send(
        new PutCommand({
          TableName,
          Item: Key,
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      )
      expect(await outcome(told)).toBe('allowed')
      const UpdateExpression = 'REMOVE actor'
      for (const call of [
        table.send(new GetCommand({ TableName, Key })),
        table.send(new UpdateCommand({ TableName, Key, UpdateExpression })),
        table.send(new DeleteCommand({ TableName, Key })),
      ]) {
        expect(await outcome(call)).toBe(DENIED)
      }
      await removeItem(test, Key)
    },
  )

  it("only those that act for an owner can unwrap a grant's key", async () => {
    for (const name of FUNCTION_NAMES) {
      const expected = KEY_HOLDERS.includes(name) ? 'allowed' : DENIED
      expect({ name, unwrap: await unwrap(name, grantContext()) }).toEqual({
        name,
        unwrap: expected,
      })
    }
  })

  it.each(KEY_HOLDERS)('%s unwraps it for that grant and purpose only', async (name) => {
    const { purpose: _, ...withoutPurpose } = grantContext()

    expect(await unwrap(name, grantContext({ purpose: 'webhook' }))).toBe(DENIED)
    expect(await unwrap(name, withoutPurpose)).toBe(DENIED)
    expect(await unwrap(name, {})).toBe(DENIED)
    expect(await unwrap(name, grantContext({ grantId: 'grt_other' }))).toBe(
      'InvalidCiphertextException',
    )
    expect(await unwrap(name, grantContext({ userId: 'usr_other' }))).toBe(
      'InvalidCiphertextException',
    )
    const made = takeOver(test, name).kms.send(
      new GenerateDataKeyCommand({
        KeyId: variable(test, 'connect', ENV.grantKeyArn),
        KeySpec: 'AES_256',
      }),
    )
    expect(await outcome(made)).toBe(DENIED)
  })

  it('a grant lies in the table as ciphertext, with ids alone in the open', () => {
    const { tokens, wrappedKey } = grant

    expect(Buffer.from(String(tokens), 'base64').length).toBeGreaterThan(28)
    expect(String(wrappedKey).length).toBeGreaterThan(50)
    expect(JSON.stringify(grant)).not.toMatch(/ya29\.|"accessToken"|refreshToken/)
  })
})

describe('security rule 16: each secret has its readers', () => {
  it.each(SECRETS)('$env is read by $readers alone', async ({ env, holder, readers }) => {
    const SecretId = variable(test, holder, env)
    for (const name of FUNCTION_NAMES) {
      const read = takeOver(test, name).secrets.send(new GetSecretValueCommand({ SecretId }))
      const expected = readers.includes(name) ? 'allowed' : DENIED
      expect({ name, read: await outcome(read) }).toEqual({ name, read: expected })
    }
  })

  it('no function has a secret among its variables', () => {
    // By whatever structure a secret keeps them.
    const values = SECRETS.map(
      ({ env, holder }) => test.cloud.secrets.getValue(variable(test, holder, env)) ?? '',
    ).flatMap((secret) => [...secret.matchAll(/:\s*"([^"]{11,})"/g)].map(([, value = '']) => value))
    expect(values.length).toBeGreaterThanOrEqual(5)
    for (const { name, environment } of test.cloud.provisioned.functions) {
      const text = JSON.stringify(environment)
      for (const value of values) expect(text.includes(value), name).toBe(false)
    }
  })
})
