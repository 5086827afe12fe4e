import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  PutKeyPolicyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from '../sqs/aws-endpoint.ts'
import { type KmsFixture, startKms } from './kms-fixture.ts'

const DAY_SECONDS = 86_400
const inside = insideEngine('KMS')

let kms: KmsFixture
beforeAll(async () => {
  kms = await startKms()
})
afterAll(() => kms.close())

const describeKey = async (KeyId: string) =>
  (await kms.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata
const missingId = '00000000-1111-4222-8333-444444444444'

describe('a key', () => {
  // https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
  it('is found by id, ARN, alias and alias ARN', async () => {
    const { id, arn } = await kms.makeKey({ Description: 'grants' })
    const alias = await kms.makeAlias(id)

    for (const KeyId of [id, arn, alias, arn.replace(/key\/.*/, alias)]) {
      expect(await describeKey(KeyId)).toMatchObject({
        Arn: arn,
        Description: 'grants',
        KeyState: 'Enabled',
        Enabled: true,
        KeyManager: 'CUSTOMER',
        KeySpec: 'SYMMETRIC_DEFAULT',
        CreationDate: expect.any(Date),
      })
    }
    for (const KeyId of [missingId, `${alias}-x`]) {
      await expect(describeKey(KeyId)).rejects.toEqual(refused('NotFoundException'))
      await expect(kms.encrypt(KeyId, Uint8Array.of(1))).rejects.toEqual(
        refused('NotFoundException'),
      )
    }
  })

  // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
  it('that is disabled seals and opens nothing until it is enabled', async () => {
    const { id } = await kms.makeKey()
    const blob = await kms.encrypt(id, Uint8Array.of(1))

    await kms.client.send(new DisableKeyCommand({ KeyId: id }))

    expect(await describeKey(id)).toMatchObject({ KeyState: 'Disabled', Enabled: false })
    await expect(kms.encrypt(id, Uint8Array.of(1))).rejects.toEqual(refused('DisabledException'))
    await expect(kms.decrypt(blob)).rejects.toEqual(refused('DisabledException'))
    await kms.client.send(new EnableKeyCommand({ KeyId: id }))
    expect(await kms.decrypt(blob)).toEqual(Uint8Array.of(1))
  })

  // https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
  it('that waits for its deletion is of no use, and is disabled when that is cancelled', async () => {
    const { id, arn } = await kms.makeKey()
    const blob = await kms.encrypt(id, Uint8Array.of(1))
    const schedule = (PendingWindowInDays: number) =>
      kms.client.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays }))

    for (const days of [6, 31]) {
      await expect(schedule(days)).rejects.toEqual(refused('ValidationException'))
    }
    expect(await schedule(7)).toMatchObject({ KeyId: arn, KeyState: 'PendingDeletion' })
    expect((await describeKey(id))?.DeletionDate).toBeInstanceOf(Date)
    for (const attempt of [
      () => kms.decrypt(blob),
      () => schedule(7),
      () => kms.client.send(new EnableKeyCommand({ KeyId: id })),
    ]) {
      await expect(attempt()).rejects.toEqual(refused('KMSInvalidStateException'))
    }

    await kms.client.send(new CancelKeyDeletionCommand({ KeyId: id }))
    expect(await describeKey(id)).toMatchObject({ KeyState: 'Disabled' })
  })

  // https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  it('has the default policy, which delegates to the account, or its own', async () => {
    const { id, arn } = await kms.makeKey()
    const read = async () => {
      const { Policy = '' } = await kms.client.send(new GetKeyPolicyCommand({ KeyId: id }))
      return JSON.parse(Policy)
    }
    const account = arn.split(':')[4] ?? ''
    const statement = {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: 'kms:*',
      Resource: '*',
    }

    expect((await read()).Statement[0]).toMatchObject(statement)
    const own = { Version: '2012-10-17', Statement: [{ Sid: 'own', ...statement }] }
    await kms.client.send(new PutKeyPolicyCommand({ KeyId: id, Policy: JSON.stringify(own) }))
    expect((await read()).Statement).toEqual(own.Statement)
    for (const Policy of ['{', '{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}']) {
      await expect(kms.client.send(new PutKeyPolicyCommand({ KeyId: id, Policy }))).rejects.toEqual(
        refused('MalformedPolicyDocumentException'),
      )
    }
  })
})

/** https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html */
describe('rotation', () => {
  it('on demand makes new material; what the earlier sealed still opens', async () => {
    const { id } = await kms.makeKey()
    const before = await kms.encrypt(id, Uint8Array.of(1))

    await kms.client.send(new RotateKeyOnDemandCommand({ KeyId: id }))
    const after = await kms.encrypt(id, Uint8Array.of(2))

    expect(await kms.decrypt(before)).toEqual(Uint8Array.of(1))
    expect(await kms.decrypt(after)).toEqual(Uint8Array.of(2))
  })

  it('by days is off until it is switched on, for 90 to 2,560 days', async () => {
    const { id } = await kms.makeKey()
    const status = () => kms.client.send(new GetKeyRotationStatusCommand({ KeyId: id }))
    const enable = (RotationPeriodInDays?: number) =>
      kms.client.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays }))

    expect((await status()).KeyRotationEnabled).toBe(false)
    await enable()
    expect(await status()).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 })
    for (const days of [89, 2561]) {
      await expect(enable(days)).rejects.toEqual(refused('ValidationException'))
    }
  })
})

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html */
describe('an alias', () => {
  it('is listed with its key, moves to another and is deleted alone', async () => {
    const one = await kms.makeKey()
    const two = await kms.makeKey()
    const alias = await kms.makeAlias(one.id)
    const list = async (KeyId: string) =>
      (await kms.client.send(new ListAliasesCommand({ KeyId }))).Aliases?.map((it) => it.AliasName)

    expect(await list(one.id)).toEqual([alias])
    await kms.client.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: two.id }))
    expect([await list(one.id), await list(two.id)]).toEqual([[], [alias]])
    const gone = await kms.makeAlias(two.id)
    await kms.client.send(new DeleteAliasCommand({ AliasName: gone }))
    await expect(describeKey(gone)).rejects.toEqual(refused('NotFoundException'))
    await expect(describeKey(two.id)).resolves.toBeDefined()
  })

  it('is there once, begins with alias/ and not with alias/aws/', async () => {
    const { id } = await kms.makeKey()
    const alias = await kms.makeAlias(id)
    const create = (AliasName: string) =>
      kms.client.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }))

    await expect(create(alias)).rejects.toEqual(refused('AlreadyExistsException'))
    await expect(create('grants')).rejects.toEqual(refused('ValidationException'))
    await expect(create('alias/aws/own')).rejects.toEqual(refused('NotAuthorizedException'))
  })
})

inside.describe('time of keys', () => {
  it('takes a key and its aliases away when the waiting period is over', async () => {
    const { id } = await kms.makeKey()
    const alias = await kms.makeAlias(id)
    const blob = await kms.encrypt(id, Uint8Array.of(1))
    await kms.client.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }))

    kms.advance(7 * DAY_SECONDS - 1)
    expect(await describeKey(id)).toMatchObject({ KeyState: 'PendingDeletion' })
    kms.advance(1)

    await expect(describeKey(id)).rejects.toEqual(refused('NotFoundException'))
    await expect(describeKey(alias)).rejects.toEqual(refused('NotFoundException'))
    await expect(kms.decrypt(blob)).rejects.toEqual(refused('InvalidCiphertextException'))
  })

  it('rotates a key each time that its days are over', async () => {
    const { id } = await kms.makeKey()
    const blob = await kms.encrypt(id, Uint8Array.of(1))
    await kms.client.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }))

    kms.advance(200 * DAY_SECONDS)
    await kms.encrypt(id, Uint8Array.of(2))

    const { Rotations } = await kms.client.send(new ListKeyRotationsCommand({ KeyId: id }))
    expect(Rotations?.map(({ RotationType }) => RotationType)).toEqual(['AUTOMATIC', 'AUTOMATIC'])
    expect(await kms.decrypt(blob)).toEqual(Uint8Array.of(1))
  })
})

inside.describe('this engine', () => {
  it('makes symmetric keys only and names an operation that it does not know', async () => {
    await expect(
      kms.client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })),
    ).rejects.toEqual(refused('UnsupportedOperationException'))
    await expect(
      kms.client.send(
        new CreateGrantCommand({ KeyId: 'x', GranteePrincipal: 'y', Operations: ['Decrypt'] }),
      ),
    ).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('CreateGrant'),
    })
  })

  it('shows the gateway the policy of a key, its own or the default', () => {
    const { engine } = kms.inside
    const policy = { Version: '2012-10-17', Statement: [] }
    const guarded = engine.createKey({ keyId: 'guarded', policy })
    const plain = engine.createKey({ keyId: 'plain' })

    expect(engine.resourcePolicy(guarded.arn)).toEqual(policy)
    expect(engine.resourcePolicy(plain.arn)?.Statement).toHaveLength(1)
    expect(engine.resourcePolicy(`${plain.arn}-missing`)).toBeUndefined()
  })

  it('opens what was sealed before blobs named their material', async () => {
    const { engine } = kms.inside
    engine.createKey({ keyId: 'early' })
    const blob = engine.seal('early', Uint8Array.of(1), {})
    const idEnd = 2 + 'early'.length
    const head = Buffer.concat([Buffer.of(1), blob.subarray(1, idEnd)])
    await kms.client.send(new RotateKeyOnDemandCommand({ KeyId: 'early' }))

    expect([...engine.open(Buffer.concat([head, blob.subarray(idEnd + 4)]), {})]).toEqual([1])
  })

  it('keeps materials, states and aliases over a restart and when a template comes again', async () => {
    const { clock, dataDir, engine } = kms.inside
    const { arn } = engine.createKey({ keyId: 'kept' })
    engine.createAlias('alias/kept', 'kept')
    const first = engine.seal('kept', Uint8Array.of(1), {})
    await kms.client.send(new RotateKeyOnDemandCommand({ KeyId: 'kept' }))
    engine.createKey({ keyId: 'kept', description: 'again' })
    const second = engine.seal('alias/kept', Uint8Array.of(2), {})
    const disabled = await kms.makeKey()
    await kms.client.send(new DisableKeyCommand({ KeyId: disabled.id }))

    const restarted = createKmsEngine({ dataDir, clock })

    expect([...restarted.open(first, {}), ...restarted.open(second, {})]).toEqual([1, 2])
    expect(restarted.keyArn('alias/kept')).toBe(arn)
    expect(() => restarted.seal(disabled.id, Uint8Array.of(1), {})).toThrow(/is disabled/)
    await restarted.close()
    expect((await stat(join(dataDir, 'kms.db'))).mode & 0o777).toBe(0o600)
  })
})
