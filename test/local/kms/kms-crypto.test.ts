import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { refused } from '../sqs/aws-endpoint.ts'
import { type KmsFixture, startKms } from './kms-fixture.ts'

const CONTEXT = { purpose: 'grant', user: 'usr_1' }
const inside = insideEngine('KMS')

let kms: KmsFixture
let key: { id: string; arn: string }
let other: { id: string; arn: string }
beforeAll(async () => {
  kms = await startKms()
  key = await kms.makeKey()
  other = await kms.makeKey()
})
afterAll(() => kms.close())

const generate = (size: { KeySpec?: 'AES_256' | 'AES_128'; NumberOfBytes?: number }) =>
  kms.client.send(
    new GenerateDataKeyCommand({ KeyId: key.arn, EncryptionContext: CONTEXT, ...size }),
  )

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html */
describe('a data key', () => {
  it('comes in the clear and sealed; the sealed one opens with the same pairs in any order', async () => {
    const made = await generate({ KeySpec: 'AES_256' })
    const opened = await kms.client.send(
      new DecryptCommand({
        CiphertextBlob: made.CiphertextBlob,
        EncryptionContext: { user: 'usr_1', purpose: 'grant' },
      }),
    )

    expect(made.Plaintext).toHaveLength(32)
    expect(opened.Plaintext).toEqual(made.Plaintext)
    expect([made.KeyId, opened.KeyId]).toEqual([key.arn, key.arn])
  })

  it('can be made without being shown', async () => {
    const made = await kms.client.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, NumberOfBytes: 64 }),
    )

    expect(made).not.toHaveProperty('Plaintext')
    expect(await kms.decrypt(made.CiphertextBlob)).toHaveLength(64)
  })

  it('has 16 bytes as AES_128, 32 as AES_256, or 1 to 1,024 by number, never both', async () => {
    expect((await generate({ KeySpec: 'AES_128' })).Plaintext).toHaveLength(16)
    expect((await generate({ NumberOfBytes: 1024 })).Plaintext).toHaveLength(1024)
    for (const size of [
      {},
      { KeySpec: 'AES_256' as const, NumberOfBytes: 32 },
      { KeySpec: 'AES_512' as 'AES_256' },
      { NumberOfBytes: 1025 },
      { NumberOfBytes: 0 },
    ]) {
      await expect(generate(size)).rejects.toEqual(refused('ValidationException'))
    }
  })

  it('is another one each time', async () => {
    const [one, two] = await Promise.all([
      generate({ KeySpec: 'AES_256' }),
      generate({ KeySpec: 'AES_256' }),
    ])

    expect(one.Plaintext).not.toEqual(two.Plaintext)
  })
})

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html and API_Decrypt.html */
describe('Encrypt and Decrypt', () => {
  it('take 1 to 4,096 bytes', async () => {
    const plaintext = new Uint8Array(4096).fill(7)

    expect(await kms.decrypt(await kms.encrypt(key.id, plaintext))).toEqual(plaintext)
    for (const bytes of [0, 4097]) {
      await expect(kms.encrypt(key.id, new Uint8Array(bytes))).rejects.toEqual(
        refused('ValidationException'),
      )
    }
  })

  it('make another ciphertext of the same plaintext each time', async () => {
    const one = await kms.encrypt(key.id, Uint8Array.of(1))

    expect(await kms.encrypt(key.id, Uint8Array.of(1))).not.toEqual(one)
  })

  // https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
  it.each<[string, Record<string, string> | undefined]>([
    ['no context', undefined],
    ['an empty one', {}],
    ['a part of it', { purpose: 'grant' }],
    ['a pair more', { ...CONTEXT, more: 'x' }],
    ['another value', { ...CONTEXT, user: 'usr_2' }],
    ['a name in other letters', { purpose: 'grant', User: 'usr_1' }],
  ])('refuse %s for what was sealed with a context', async (_, EncryptionContext) => {
    const blob = await kms.encrypt(key.id, Uint8Array.of(1), CONTEXT)

    await expect(kms.decrypt(blob, { EncryptionContext })).rejects.toEqual(
      refused('InvalidCiphertextException'),
    )
  })

  it('refuse bytes that were cut or are no ciphertext', async () => {
    const blob = (await kms.encrypt(key.id, Uint8Array.of(1, 2, 3))) ?? new Uint8Array()

    for (const wrong of [blob.subarray(0, -1), Uint8Array.of(1), Buffer.from('garbage')]) {
      await expect(kms.decrypt(wrong)).rejects.toEqual(refused('InvalidCiphertextException'))
    }
  })

  inside.it('refuse bytes that were changed anywhere', async () => {
    const blob = (await kms.encrypt(key.id, Uint8Array.of(1, 2, 3))) ?? new Uint8Array()

    for (let index = 0; index < blob.length; index += 7) {
      const changed = Uint8Array.from(blob)
      changed[index] = (changed[index] ?? 0) ^ 1
      await expect(kms.decrypt(changed)).rejects.toEqual(refused('InvalidCiphertextException'))
    }
  })

  it('check a key id that is given against the one in the ciphertext', async () => {
    const blob = await kms.encrypt(key.id, Uint8Array.of(1))
    const alias = await kms.makeAlias(key.id)

    await expect(kms.decrypt(blob, { KeyId: alias })).resolves.toEqual(Uint8Array.of(1))
    await expect(kms.decrypt(blob, { KeyId: other.id })).rejects.toEqual(
      refused('IncorrectKeyException'),
    )
  })

  // https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
  it('say with DryRun that they would succeed, and do nothing', async () => {
    const blob = await kms.encrypt(key.id, Uint8Array.of(1))

    await expect(kms.decrypt(blob, { DryRun: true })).rejects.toEqual(
      refused('DryRunOperationException'),
    )
  })
})

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html */
describe('ReEncrypt', () => {
  it('seals under another key and context without showing the plaintext', async () => {
    const CiphertextBlob = await kms.encrypt(key.id, Uint8Array.of(1, 2), CONTEXT)

    const moved = await kms.client.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: CONTEXT,
        DestinationKeyId: other.id,
        DestinationEncryptionContext: { purpose: 'moved' },
      }),
    )

    expect(moved).not.toHaveProperty('Plaintext')
    expect([moved.SourceKeyId, moved.KeyId]).toEqual([key.arn, other.arn])
    expect(
      await kms.decrypt(moved.CiphertextBlob, {
        KeyId: other.id,
        EncryptionContext: { purpose: 'moved' },
      }),
    ).toEqual(Uint8Array.of(1, 2))
  })

  it('refuses a wrong source context and a wrong source key', async () => {
    const CiphertextBlob = await kms.encrypt(key.id, Uint8Array.of(1), CONTEXT)
    const move = (options: object) =>
      kms.client.send(
        new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: other.id, ...options }),
      )

    await expect(move({})).rejects.toEqual(refused('InvalidCiphertextException'))
    await expect(move({ SourceEncryptionContext: CONTEXT, SourceKeyId: other.id })).rejects.toEqual(
      refused('IncorrectKeyException'),
    )
  })
})

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html */
describe('GenerateRandom', () => {
  it('gives 1 to 1,024 bytes', async () => {
    const random = (NumberOfBytes: number) =>
      kms.client.send(new GenerateRandomCommand({ NumberOfBytes }))

    expect((await random(1024)).Plaintext).toHaveLength(1024)
    await expect(random(1025)).rejects.toEqual(refused('ValidationException'))
  })
})

/** https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html */
inside.describe('policies', () => {
  it('are shown each pair of the context and its names', async () => {
    const blob = await kms.encrypt(key.id, Uint8Array.of(1), CONTEXT)
    await kms.decrypt(blob, { EncryptionContext: CONTEXT })

    expect(kms.inside.endpoint.accessRequests.at(-1)).toEqual([
      {
        action: 'kms:Decrypt',
        resource: key.arn,
        context: {
          'kms:CallerAccount': '111122223333',
          'kms:EncryptionContext:purpose': 'grant',
          'kms:EncryptionContext:user': 'usr_1',
          'kms:EncryptionContextKeys': ['purpose', 'user'],
        },
      },
    ])
  })

  it('are asked about both keys of a ReEncrypt', async () => {
    const CiphertextBlob = await kms.encrypt(key.id, Uint8Array.of(1))
    await kms.client.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: other.id }))

    expect(kms.inside.endpoint.accessRequests.at(-1)).toMatchObject([
      { action: 'kms:ReEncryptFrom', resource: key.arn },
      { action: 'kms:ReEncryptTo', resource: other.arn },
    ])
  })
})
