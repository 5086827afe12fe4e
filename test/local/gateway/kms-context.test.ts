import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { allow, clientConfig, makePrincipal, startGateway } from './harness.ts'

type Context = Record<string, string>

/** What the role of a worker looks like: it uses the key for grants of users alone. */
const OWN: Context = { purpose: 'grant', user: 'usr_1' }

let client: (
  accessKeyId: string,
  policies: ReturnType<typeof allow>[] | 'unrestricted',
) => KMSClient
let keyArn = ''
let role: KMSClient
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kms-context-'))
  const engine = createKmsEngine({ dataDir, clock: { now: () => Date.now() } })
  const local = await startGateway({ kms: engine }, [])
  closing.push(
    () => local.gateway.close(),
    () => engine.close(),
    () => rm(dataDir, { recursive: true }),
  )
  client = (accessKeyId, policies) => {
    const principal = makePrincipal({ accessKeyId, policies })
    local.store.register(principal)
    return new KMSClient(clientConfig(local.endpoint, principal))
  }
  const { KeyMetadata } = await client('AKIDOPERATOR', 'unrestricted').send(
    new CreateKeyCommand({}),
  )
  keyArn = KeyMetadata?.Arn ?? ''
  role = client('AKIDWORKER', [
    allow(['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'], keyArn, {
      StringEquals: { 'kms:EncryptionContext:purpose': 'grant' },
      StringLike: { 'kms:EncryptionContext:user': 'usr_*' },
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['purpose', 'user'] },
    }),
  ])
})
afterAll(async () => {
  for (const close of closing) await close()
})

const given = (EncryptionContext: Context | undefined) =>
  EncryptionContext ? { EncryptionContext } : {}
const CALLS: [
  name: string,
  call: (as: KMSClient, context: Context | undefined) => Promise<object>,
][] = [
  [
    'Encrypt',
    (as, context) =>
      as.send(
        new EncryptCommand({ KeyId: keyArn, Plaintext: Buffer.from('token'), ...given(context) }),
      ),
  ],
  [
    'GenerateDataKey',
    (as, context) =>
      as.send(new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256', ...given(context) })),
  ],
  [
    'Decrypt',
    async (as, context) => {
      const operator = client('AKIDOPERATOR', 'unrestricted')
      const { CiphertextBlob } = await operator.send(
        new EncryptCommand({ KeyId: keyArn, Plaintext: Buffer.from('token'), ...given(context) }),
      )
      return await as.send(new DecryptCommand({ CiphertextBlob, ...given(context) }))
    },
  ],
]

// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context
describe.each(CALLS)('a role limited by the encryption context may %s', (_name, call) => {
  it('with its own context', async () => {
    await call(role, OWN)
  })

  it.each<[what: string, context: Context | undefined]>([
    ['another purpose', { ...OWN, purpose: 'webhook' }],
    ['another case of the purpose', { ...OWN, purpose: 'Grant' }],
    ['another kind of user', { ...OWN, user: 'prt_1' }],
    ['a part of it missing', { purpose: 'grant' }],
    ['a part more', { ...OWN, extra: 'x' }],
    ['no context', undefined],
  ])('but not with %s', async (_what, context) => {
    await expect(call(role, context)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })
})

it('a role may not decrypt under a context that the ciphertext was not made with', async () => {
  const { CiphertextBlob } = await client('AKIDOPERATOR', 'unrestricted').send(
    new EncryptCommand({
      KeyId: keyArn,
      Plaintext: Buffer.from('token'),
      EncryptionContext: { purpose: 'webhook', user: 'usr_1' },
    }),
  )

  await expect(
    role.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: OWN })),
  ).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
})
