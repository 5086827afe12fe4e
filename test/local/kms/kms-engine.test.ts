import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKmsEngine, type KmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { type AwsEndpoint, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

const KEY_ID = '11111111-2222-4333-8444-555555555555'
const KEY_ARN = `arn:aws:kms:us-east-1:111122223333:key/${KEY_ID}`
const CONTEXT = { purpose: 'grant', user: 'usr_1' }

let dataDir: string
let engine: KmsEngine
let endpoint: AwsEndpoint
let kms: KMSClient
const clock = new TestClock()

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kms-'))
  engine = createKmsEngine({ dataDir, clock })
  endpoint = await serveEngines({ kms: engine }, clock)
  kms = new KMSClient(endpoint.clientOptions)
  engine.createKey({ keyId: KEY_ID, description: 'grants' })
  engine.createKey({ keyId: 'other' })
  engine.createAlias('alias/grants', KEY_ID)
})
afterAll(async () => {
  kms.destroy()
  await endpoint.close()
  await engine.close()
  await rm(dataDir, { recursive: true })
})

const refused = (name: string) => expect.objectContaining({ name })
const encrypt = (Plaintext: Uint8Array, EncryptionContext?: Record<string, string>) =>
  kms.send(new EncryptCommand({ KeyId: KEY_ID, Plaintext, EncryptionContext }))
const decrypt = (blob: Uint8Array | undefined, options: object = {}) =>
  kms.send(new DecryptCommand({ CiphertextBlob: blob, ...options }))

describe('data keys', () => {
  it('come in the clear and sealed; the sealed one opens with the same context in any order', async () => {
    const made = await kms.send(
      new GenerateDataKeyCommand({
        KeyId: KEY_ARN,
        KeySpec: 'AES_256',
        EncryptionContext: CONTEXT,
      }),
    )
    const opened = await decrypt(made.CiphertextBlob, {
      EncryptionContext: { user: 'usr_1', purpose: 'grant' },
    })

    expect(made.Plaintext).toHaveLength(32)
    expect(opened.Plaintext).toEqual(made.Plaintext)
    expect([made.KeyId, opened.KeyId]).toEqual([KEY_ARN, KEY_ARN])
  })

  it('can be made without being shown', async () => {
    const made = await kms.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: KEY_ID, NumberOfBytes: 64 }),
    )

    expect(made).not.toHaveProperty('Plaintext')
    expect((await decrypt(made.CiphertextBlob)).Plaintext).toHaveLength(64)
  })

  it('need exactly one of a key spec and a number of bytes up to 1,024', async () => {
    for (const size of [
      {},
      { KeySpec: 'AES_256' as const, NumberOfBytes: 32 },
      { NumberOfBytes: 1025 },
    ]) {
      await expect(
        kms.send(new GenerateDataKeyCommand({ KeyId: KEY_ID, ...size })),
      ).rejects.toEqual(refused('ValidationException'))
    }
  })
})

describe('Encrypt and Decrypt', () => {
  it('take 1 to 4,096 bytes', async () => {
    const plaintext = new Uint8Array(4096).fill(7)

    const { CiphertextBlob } = await encrypt(plaintext)

    expect((await decrypt(CiphertextBlob)).Plaintext).toEqual(plaintext)
    await expect(encrypt(new Uint8Array(4097))).rejects.toEqual(refused('ValidationException'))
    await expect(encrypt(new Uint8Array(0))).rejects.toEqual(refused('ValidationException'))
  })

  it('refuse a wrong, partial, widened or missing context', async () => {
    const { CiphertextBlob } = await encrypt(Uint8Array.of(1), CONTEXT)

    for (const EncryptionContext of [
      undefined,
      {},
      { purpose: 'grant' },
      { ...CONTEXT, more: 'x' },
      { ...CONTEXT, user: 'usr_2' },
      { purpose: 'grant', User: 'usr_1' },
    ]) {
      await expect(decrypt(CiphertextBlob, { EncryptionContext })).rejects.toEqual(
        refused('InvalidCiphertextException'),
      )
    }
  })

  it('refuse bytes that were changed anywhere, cut, or are no ciphertext', async () => {
    const blob = (await encrypt(Uint8Array.of(1, 2, 3))).CiphertextBlob ?? new Uint8Array()

    for (let index = 0; index < blob.length; index += 7) {
      const changed = Uint8Array.from(blob)
      changed[index] = (changed[index] ?? 0) ^ 1
      await expect(decrypt(changed)).rejects.toEqual(refused('InvalidCiphertextException'))
    }
    for (const wrong of [blob.subarray(0, -1), Uint8Array.of(1), Buffer.from('garbage')]) {
      await expect(decrypt(wrong)).rejects.toEqual(refused('InvalidCiphertextException'))
    }
  })

  it('check a key id that is given against the one in the ciphertext', async () => {
    const { CiphertextBlob } = await encrypt(Uint8Array.of(1))

    await expect(decrypt(CiphertextBlob, { KeyId: 'alias/grants' })).resolves.toBeDefined()
    await expect(decrypt(CiphertextBlob, { KeyId: 'other' })).rejects.toEqual(
      refused('IncorrectKeyException'),
    )
  })
})

describe('a key', () => {
  it('is found by id, ARN, alias and alias ARN', async () => {
    for (const KeyId of [
      KEY_ID,
      KEY_ARN,
      'alias/grants',
      'arn:aws:kms:us-east-1:111122223333:alias/grants',
    ]) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }))
      expect(KeyMetadata).toMatchObject({
        Arn: KEY_ARN,
        Description: 'grants',
        KeyState: 'Enabled',
        CreationDate: new Date(clock.now()),
      })
    }
    for (const KeyId of ['missing', 'alias/missing', KEY_ARN.replace('us-east-1', 'eu-west-1')]) {
      await expect(kms.send(new DescribeKeyCommand({ KeyId }))).rejects.toEqual(
        refused('NotFoundException'),
      )
    }
  })

  it('shows policies which context a call gives', async () => {
    const { CiphertextBlob } = await encrypt(Uint8Array.of(1), CONTEXT)
    await decrypt(CiphertextBlob, { EncryptionContext: CONTEXT })

    expect(endpoint.accessRequests.at(-1)).toEqual([
      {
        action: 'kms:Decrypt',
        resource: KEY_ARN,
        context: {
          'kms:CallerAccount': '111122223333',
          'kms:EncryptionContext:purpose': 'grant',
          'kms:EncryptionContext:user': 'usr_1',
          'kms:EncryptionContextKeys': ['purpose', 'user'],
        },
      },
    ])
  })

  it('has its own policy, or the default one that delegates to the account', () => {
    const policy = { Version: '2012-10-17', Statement: [] }
    engine.createKey({ keyId: 'guarded', policy })

    expect(engine.resourcePolicy(KEY_ARN.replace(KEY_ID, 'guarded'))).toEqual(policy)
    expect(engine.resourcePolicy(KEY_ARN)?.Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111122223333:root' },
        Action: 'kms:*',
        Resource: '*',
      },
    ])
    expect(engine.resourcePolicy(`${KEY_ARN}-missing`)).toBeUndefined()
  })

  it('knows no operation beyond its own and names it', async () => {
    await expect(kms.send(new CreateKeyCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('CreateKey'),
    })
  })

  it('keeps its material when it is made again and over a restart', async () => {
    const { CiphertextBlob } = await encrypt(Uint8Array.of(9))
    engine.createKey({ keyId: KEY_ID, description: 'grants' })
    expect((await decrypt(CiphertextBlob)).Plaintext).toEqual(Uint8Array.of(9))

    const restarted = createKmsEngine({ dataDir, clock })
    const other = await serveEngines({ kms: restarted }, clock)
    const client = new KMSClient(other.clientOptions)
    const opened = await client.send(new DecryptCommand({ CiphertextBlob, KeyId: 'alias/grants' }))
    client.destroy()
    await other.close()
    await restarted.close()

    expect(opened.Plaintext).toEqual(Uint8Array.of(9))
    expect((await stat(join(dataDir, 'kms.db'))).mode & 0o777).toBe(0o600)
  })
})
