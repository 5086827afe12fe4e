import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateSecretCommand,
  type CreateSecretCommandInput,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createSecretsEngine,
  type SecretsEngine,
} from '../../../infra/local/secrets/secrets-engine.ts'
import { contractTarget, freshName, insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { type AwsEndpoint, refused, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

const DAY_SECONDS = 86_400
const target = contractTarget('SECRETSMANAGER')
const inside = insideEngine('SECRETSMANAGER')
const clock = new TestClock()
const made: string[] = []

let dataDir: string
let engine: SecretsEngine
let endpoint: AwsEndpoint
let client: SecretsManagerClient

beforeAll(async () => {
  if (target !== undefined) {
    client = new SecretsManagerClient(target)
    return
  }
  dataDir = await mkdtemp(join(tmpdir(), 'secrets-'))
  engine = createSecretsEngine({ dataDir, clock })
  endpoint = await serveEngines({ secretsmanager: engine }, clock)
  client = new SecretsManagerClient(endpoint.clientOptions)
})
afterAll(async () => {
  // Recovery: what a test has deleted itself is refused, and gone all the same.
  if (target !== undefined) await Promise.allSettled(made.map(remove))
  client.destroy()
  if (target !== undefined) return
  await endpoint.close()
  await engine.close()
  await rm(dataDir, { recursive: true })
})

const advance = (seconds: number): void => {
  clock.advance(seconds)
  client.config.systemClockOffset = clock.signingOffsetMs
}
const remove = (SecretId: string) =>
  client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))
/** A secret of its own for a test. */
async function make(options: Partial<CreateSecretCommandInput> = {}) {
  const reply = await client.send(
    new CreateSecretCommand({ Name: freshName('suite/secret'), ...options }),
  )
  const { ARN = '', Name = '', VersionId = '' } = reply
  made.push(ARN)
  return { arn: ARN, name: Name, versionId: VersionId }
}
const get = (SecretId: string, options: object = {}) =>
  client.send(new GetSecretValueCommand({ SecretId, ...options }))
const put = (SecretId: string, options: object) =>
  client.send(new PutSecretValueCommand({ SecretId, ...options }))
const describeSecret = (SecretId: string) => client.send(new DescribeSecretCommand({ SecretId }))

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html */
describe('CreateSecret', () => {
  it('gives an ARN that ends in six characters of its own, and a first current version', async () => {
    const { arn, name, versionId } = await make({ SecretString: 'value', Description: 'what for' })

    expect(arn).toMatch(new RegExp(`^arn:aws:secretsmanager:.*:secret:${name}-[A-Za-z0-9]{6}$`))
    expect(await describeSecret(arn)).toMatchObject({
      Name: name,
      Description: 'what for',
      VersionIdsToStages: { [versionId]: ['AWSCURRENT'] },
    })
  })

  it('is done once for a name; the same token and value again is no error', async () => {
    const ClientRequestToken = 'a'.repeat(32)
    const { name } = await make({ SecretString: 'one', ClientRequestToken })
    const again = (options: object) => make({ Name: name, ...options })

    expect((await again({ SecretString: 'one', ClientRequestToken })).versionId).toBe(
      ClientRequestToken,
    )
    await expect(again({ SecretString: 'two', ClientRequestToken })).rejects.toEqual(
      refused('ResourceExistsException'),
    )
    await expect(again({ SecretString: 'one' })).rejects.toEqual(refused('ResourceExistsException'))
  })

  it('refuses a name with other characters than letters, digits and /_+=.@-', async () => {
    await expect(make({ Name: 'a b' })).rejects.toEqual(refused('ValidationException'))
  })
})

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
describe('GetSecretValue', () => {
  it('finds a secret by name, full ARN and ARN without the six characters', async () => {
    const { arn, name } = await make({ SecretString: 'value' })

    for (const id of [name, arn, arn.slice(0, -7)]) {
      expect(await get(id)).toMatchObject({
        ARN: arn,
        Name: name,
        SecretString: 'value',
        VersionStages: ['AWSCURRENT'],
        CreatedDate: expect.any(Date),
      })
    }
  })

  // https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
  it('takes a partial ARN that ends like a full one for a full one, and finds nothing', async () => {
    const Name = `${freshName('suite')}-secret`
    const { arn } = await make({ Name, SecretString: 'x' })

    await expect(get(arn.slice(0, -7))).rejects.toEqual(refused('ResourceNotFoundException'))
    expect((await get(arn)).SecretString).toBe('x')
  })

  it('does not find what is not there: secret, value, stage or version', async () => {
    const empty = await make()
    const full = await make({ SecretString: 'x' })

    for (const [id, options] of [
      [freshName('missing'), {}],
      [empty.arn, {}],
      [full.arn, { VersionStage: 'AWSPREVIOUS' }],
      [full.arn, { VersionId: 'x'.repeat(32) }],
    ] as const) {
      await expect(get(id, options)).rejects.toEqual(refused('ResourceNotFoundException'))
    }
  })
})

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html */
describe('PutSecretValue', () => {
  it('moves AWSCURRENT to the new version and AWSPREVIOUS to the old one', async () => {
    const { arn, versionId } = await make({ SecretString: 'one' })

    const second = await put(arn, { SecretString: 'two' })

    expect((await get(arn)).SecretString).toBe('two')
    expect((await get(arn, { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('one')
    expect((await get(arn, { VersionId: versionId })).SecretString).toBe('one')
    expect((await describeSecret(arn)).VersionIdsToStages).toEqual({
      [versionId]: ['AWSPREVIOUS'],
      [second.VersionId ?? '']: ['AWSCURRENT'],
    })
    await expect(get(arn, { VersionId: versionId, VersionStage: 'AWSCURRENT' })).rejects.toEqual(
      refused('ResourceNotFoundException'),
    )
  })

  it('can add a version under a stage of its own and leave the current one alone', async () => {
    const { arn } = await make({ SecretString: 'one' })

    await put(arn, { SecretString: 'two', VersionStages: ['AWSPENDING'] })

    expect((await get(arn)).SecretString).toBe('one')
    expect((await get(arn, { VersionStage: 'AWSPENDING' })).SecretString).toBe('two')
  })

  it('ignores the same token with the same value and refuses it with another', async () => {
    const { arn } = await make({ SecretString: 'one' })
    const ClientRequestToken = 'b'.repeat(32)
    await put(arn, { ClientRequestToken, SecretString: 'two' })

    await put(arn, { ClientRequestToken, SecretString: 'two' })
    await expect(put(arn, { ClientRequestToken, SecretString: 'three' })).rejects.toEqual(
      refused('ResourceExistsException'),
    )
    await expect(put(arn, { ClientRequestToken: 'a', SecretString: 'x' })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
  })

  it('takes either a string or bytes, up to 65,536 bytes', async () => {
    const { arn } = await make()
    const SecretBinary = Uint8Array.of(0, 255)
    await put(arn, { SecretBinary })

    const stored = await get(arn)
    expect([stored.SecretBinary, stored.SecretString]).toEqual([SecretBinary, undefined])
    await expect(put(arn, { SecretBinary, SecretString: 'x' })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
    await expect(put(arn, {})).rejects.toEqual(refused('InvalidParameterException'))
    await expect(put(arn, { SecretString: 'x'.repeat(65_536) })).resolves.toBeDefined()
    await expect(put(arn, { SecretString: 'x'.repeat(65_537) })).rejects.toEqual(
      refused('ValidationException'),
    )
  })
})

describe('a secret', () => {
  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
  it('gets another description, and another value only when one is given', async () => {
    const { arn, versionId } = await make({ SecretString: 'one' })
    const update = (options: object) =>
      client.send(new UpdateSecretCommand({ SecretId: arn, ...options }))

    await update({ Description: 'new' })
    expect(await get(arn)).toMatchObject({ SecretString: 'one', VersionId: versionId })
    await update({ SecretString: 'two' })

    expect((await get(arn)).SecretString).toBe('two')
    expect((await describeSecret(arn)).Description).toBe('new')
  })

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
  it('goes back to an earlier version by its stages, taken from the one that has them', async () => {
    const { arn, versionId: one } = await make({ SecretString: 'one' })
    const { VersionId: two = '' } = await put(arn, { SecretString: 'two' })
    const move = (options: object) =>
      client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: arn,
          VersionStage: 'AWSCURRENT',
          ...options,
        }),
      )

    await expect(move({ MoveToVersionId: one })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
    await expect(move({ RemoveFromVersionId: two })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
    await move({ MoveToVersionId: one, RemoveFromVersionId: two })

    expect((await get(arn)).SecretString).toBe('one')
    expect((await get(arn, { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('two')
  })

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
  it('lists its versions, those without a stage only when asked', async () => {
    const { arn, versionId } = await make({ SecretString: '1' })
    for (const SecretString of ['2', '3']) await put(arn, { SecretString })
    const list = async (IncludeDeprecated: boolean) => {
      const command = new ListSecretVersionIdsCommand({ SecretId: arn, IncludeDeprecated })
      return (await client.send(command)).Versions?.map((version) => version.VersionId) ?? []
    }

    expect(await list(false)).toHaveLength(2)
    expect(await list(false)).not.toContain(versionId)
    expect(await list(true)).toContain(versionId)
    expect((await get(arn, { VersionId: versionId })).SecretString).toBe('1')
  })

  // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
  it('is listed, a page at a time', async () => {
    const { name } = await make({ SecretString: 'x' })

    await until(async () => {
      const names: (string | undefined)[] = []
      let NextToken: string | undefined
      do {
        const page = await client.send(new ListSecretsCommand({ MaxResults: 5, NextToken }))
        names.push(...(page.SecretList ?? []).map(({ Name }) => Name))
        NextToken = page.NextToken
      } while (NextToken !== undefined)
      return names.includes(name) && new Set(names).size === names.length
    })
  })
})

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html */
describe('DeleteSecret', () => {
  const deleteIn = (SecretId: string, options: object) =>
    client.send(new DeleteSecretCommand({ SecretId, ...options }))

  it('hides the value for 7 to 30 days, in which the secret can be restored', async () => {
    const { arn, name } = await make({ SecretString: 'x' })

    for (const RecoveryWindowInDays of [6, 31]) {
      await expect(deleteIn(arn, { RecoveryWindowInDays })).rejects.toEqual(
        refused('InvalidParameterException'),
      )
    }
    expect((await deleteIn(arn, { RecoveryWindowInDays: 7 })).DeletionDate).toBeInstanceOf(Date)
    expect((await describeSecret(arn)).DeletedDate).toBeInstanceOf(Date)
    for (const attempt of [
      () => get(arn),
      () => put(arn, { SecretString: 'y' }),
      () => make({ Name: name, SecretString: 'y' }),
    ]) {
      await expect(attempt()).rejects.toEqual(refused('InvalidRequestException'))
    }

    await client.send(new RestoreSecretCommand({ SecretId: arn }))
    expect((await get(arn)).SecretString).toBe('x')
  })

  it('leaves nothing at once when it is forced, and takes no window then', async () => {
    const { arn } = await make({ SecretString: 'x' })

    await expect(
      deleteIn(arn, { ForceDeleteWithoutRecovery: true, RecoveryWindowInDays: 7 }),
    ).rejects.toEqual(refused('InvalidParameterException'))
    await remove(arn)
    await until(() =>
      get(arn).then(
        () => false,
        (error: Error) => error.name === 'ResourceNotFoundException',
      ),
    )
  })

  inside.it('takes the secret away when the window is over; its name is free then', async () => {
    const { arn, name } = await make({ SecretString: 'x' })
    await deleteIn(arn, { RecoveryWindowInDays: 7 })

    advance(7 * DAY_SECONDS - 1)
    await expect(get(arn)).rejects.toEqual(refused('InvalidRequestException'))
    advance(1)

    await expect(get(arn)).rejects.toEqual(refused('ResourceNotFoundException'))
    await make({ Name: name, SecretString: 'y' })
    expect((await get(name)).SecretString).toBe('y')
    expect(await describeSecret(name)).not.toHaveProperty('DeletedDate')
  })
})

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html */
describe('GetRandomPassword', () => {
  it('follows the rules that it is given', async () => {
    const random = async (options: object) =>
      (await client.send(new GetRandomPasswordCommand(options))).RandomPassword

    expect(await random({})).toHaveLength(32)
    expect(
      await random({ PasswordLength: 64, ExcludePunctuation: true, ExcludeUppercase: true }),
    ).toMatch(/^[a-z0-9]{64}$/)
    await expect(random({ PasswordLength: 3 })).rejects.toEqual(
      refused('InvalidParameterException'),
    )
  })
})

inside.describe('rights', () => {
  it('are asked for on the full ARN, with the stage and the name as they were given', async () => {
    const { arn, name } = await make({ SecretString: 'x' })
    await get(name, { VersionStage: 'AWSCURRENT' })

    expect(endpoint.accessRequests.slice(-2).flat()).toEqual([
      {
        action: 'secretsmanager:CreateSecret',
        resource: arn,
        context: { 'secretsmanager:Name': name },
      },
      {
        action: 'secretsmanager:GetSecretValue',
        resource: arn,
        context: {
          'secretsmanager:SecretId': name,
          'secretsmanager:VersionStage': 'AWSCURRENT',
        },
      },
    ])
  })
})

inside.describe('a secret of a template', () => {
  it('is generated once and keeps its value and ARN over a restart', async () => {
    const properties = {
      name: 'generated',
      generate: { SecretStringTemplate: '{"currentKeyId":"k1"}', GenerateStringKey: 'k1' },
    }
    const created = engine.createSecret(properties)
    const value = engine.getValue('generated')
    expect(engine.createSecret(properties)).toEqual(created)
    expect(engine.getValue('generated')).toBe(value)

    const restarted = createSecretsEngine({ dataDir, clock })
    expect(restarted.createSecret({ name: 'generated', secretString: 'other' })).toEqual(created)
    expect(restarted.getValue(created.arn)).toBe(value)
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

  it('is there again with its value when the template comes after a deletion', async () => {
    engine.createSecret({ name: 'wanted', secretString: 'one' })
    await client.send(new DeleteSecretCommand({ SecretId: 'wanted' }))

    engine.createSecret({ name: 'wanted', secretString: 'two' })

    expect((await get('wanted')).SecretString).toBe('one')
  })

  it('is not rotated: an operation that is not known is refused by name', async () => {
    await expect(
      client.send(new RotateSecretCommand({ SecretId: 'google' })),
    ).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('RotateSecret'),
    })
  })
})
