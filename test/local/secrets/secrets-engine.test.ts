import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createSecretsEngine,
  type SecretsEngine,
} from '../../../infra/local/secrets/secrets-engine.ts'
import { type AwsEndpoint, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

let dataDir: string
let engine: SecretsEngine
let endpoint: AwsEndpoint
let client: SecretsManagerClient
const clock = new TestClock()

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'secrets-'))
  engine = createSecretsEngine({ dataDir, clock })
  endpoint = await serveEngines({ secretsmanager: engine }, clock)
  client = new SecretsManagerClient(endpoint.clientOptions)
})
afterAll(async () => {
  client.destroy()
  await endpoint.close()
  await engine.close()
  await rm(dataDir, { recursive: true })
})

const refused = (name: string) => expect.objectContaining({ name })
const get = (SecretId: string, options: object = {}) =>
  client.send(new GetSecretValueCommand({ SecretId, ...options }))
const put = (SecretId: string, options: object) =>
  client.send(new PutSecretValueCommand({ SecretId, ...options }))

describe('GetSecretValue', () => {
  it('finds a secret by name, full ARN and ARN without the six characters', async () => {
    const { arn } = engine.createSecret({ name: 'portage/dev/a', secretString: 'value' })

    expect(arn).toMatch(
      /^arn:aws:secretsmanager:us-east-1:111122223333:secret:portage\/dev\/a-[A-Za-z0-9]{6}$/,
    )
    for (const id of ['portage/dev/a', arn, arn.slice(0, -7)]) {
      expect(await get(id)).toMatchObject({
        ARN: arn,
        Name: 'portage/dev/a',
        SecretString: 'value',
        VersionStages: ['AWSCURRENT'],
        CreatedDate: new Date(clock.now()),
      })
    }
  })

  it('takes a partial ARN that ends like a full one for a full one, and finds nothing', async () => {
    const { arn } = engine.createSecret({ name: 'my-secret', secretString: 'x' })

    await expect(get(arn.slice(0, -7))).rejects.toEqual(refused('ResourceNotFoundException'))
    expect((await get(arn)).SecretString).toBe('x')
  })

  it('does not find what is not there', async () => {
    engine.createSecret({ name: 'empty' })

    for (const [id, options] of [
      ['missing', {}],
      ['empty', {}],
      ['portage/dev/a', { VersionStage: 'AWSPREVIOUS' }],
      ['portage/dev/a', { VersionId: 'x'.repeat(32) }],
    ] as const) {
      await expect(get(id, options)).rejects.toEqual(refused('ResourceNotFoundException'))
    }
  })

  it('asks for permission on the full ARN', async () => {
    const { arn } = engine.createSecret({ name: 'portage/dev/b', secretString: 'x' })
    await get('portage/dev/b', { VersionStage: 'AWSCURRENT' })

    expect(endpoint.accessRequests.at(-1)).toEqual([
      {
        action: 'secretsmanager:GetSecretValue',
        resource: arn,
        context: {
          'secretsmanager:SecretId': 'portage/dev/b',
          'secretsmanager:VersionStage': 'AWSCURRENT',
        },
      },
    ])
  })
})

describe('PutSecretValue', () => {
  it('moves AWSCURRENT to the new version and AWSPREVIOUS to the old one', async () => {
    engine.createSecret({ name: 'rotated', secretString: 'one' })
    const first = await get('rotated')

    const second = await put('rotated', { SecretString: 'two' })

    expect((await get('rotated')).SecretString).toBe('two')
    expect((await get('rotated', { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('one')
    expect((await get('rotated', { VersionId: first.VersionId })).SecretString).toBe('one')
    const described = await client.send(new DescribeSecretCommand({ SecretId: 'rotated' }))
    expect(described.VersionIdsToStages).toEqual({
      [first.VersionId ?? '']: ['AWSPREVIOUS'],
      [second.VersionId ?? '']: ['AWSCURRENT'],
    })
    await expect(
      get('rotated', { VersionId: first.VersionId, VersionStage: 'AWSCURRENT' }),
    ).rejects.toEqual(refused('ResourceNotFoundException'))
  })

  it('can add a version under a stage of its own and leave the current one alone', async () => {
    engine.createSecret({ name: 'pending', secretString: 'one' })

    await put('pending', { SecretString: 'two', VersionStages: ['AWSPENDING'] })

    expect((await get('pending')).SecretString).toBe('one')
    expect((await get('pending', { VersionStage: 'AWSPENDING' })).SecretString).toBe('two')
  })

  it('ignores the same token with the same value and refuses it with another', async () => {
    engine.createSecret({ name: 'token', secretString: 'one' })
    const ClientRequestToken = 'a'.repeat(32)
    await put('token', { ClientRequestToken, SecretString: 'two' })

    await put('token', { ClientRequestToken, SecretString: 'two' })
    await expect(put('token', { ClientRequestToken, SecretString: 'three' })).rejects.toEqual(
      refused('ResourceExistsException'),
    )
    await expect(put('token', { ClientRequestToken: 'a', SecretString: 'x' })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
  })

  it('takes either a string or bytes, up to 65,536 bytes', async () => {
    engine.createSecret({ name: 'bytes' })
    const SecretBinary = Uint8Array.of(0, 255)
    await put('bytes', { SecretBinary })

    const stored = await get('bytes')
    expect([stored.SecretBinary, stored.SecretString]).toEqual([SecretBinary, undefined])
    await expect(put('bytes', { SecretBinary, SecretString: 'x' })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
    await expect(put('bytes', {})).rejects.toEqual(refused('InvalidParameterException'))
    await expect(put('bytes', { SecretString: 'x'.repeat(65_537) })).rejects.toEqual(
      refused('ValidationException'),
    )
  })
})

describe('a secret of a template', () => {
  it('is generated once and keeps its value and ARN over a restart', async () => {
    const properties = {
      name: 'generated',
      generate: { SecretStringTemplate: '{"currentKeyId":"k1"}', GenerateStringKey: 'k1' },
    }
    const made = engine.createSecret(properties)
    const value = engine.getValue('generated')
    expect(engine.createSecret(properties)).toEqual(made)
    expect(engine.getValue('generated')).toBe(value)

    const restarted = createSecretsEngine({ dataDir, clock })
    expect(restarted.createSecret({ name: 'generated', secretString: 'other' })).toEqual(made)
    expect(restarted.getValue(made.arn)).toBe(value)
    await restarted.close()

    expect((await stat(join(dataDir, 'secrets.db'))).mode & 0o777).toBe(0o600)
  })

  it('gives members of its JSON object and takes new values', () => {
    engine.createSecret({ name: 'google', secretString: '{"clientId":"a","n":1}' })
    expect([engine.getValue('google', 'clientId'), engine.getValue('google', 'n')]).toEqual([
      'a',
      '1',
    ])
    expect(() => engine.getValue('google', 'missing')).toThrow(/missing/)

    engine.putValue('google', '{"clientId":"b"}')

    expect(engine.getValue('google', 'clientId')).toBe('b')
  })
})

describe('an unknown operation', () => {
  it('is refused by name', async () => {
    await expect(client.send(new ListSecretsCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('ListSecrets'),
    })
  })
})
