import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  EncryptCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { createKmsEngine, type KmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { contractTarget, freshName } from '../../support/contract-target.ts'
import { type AwsEndpoint, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

interface KmsInside {
  engine: KmsEngine
  endpoint: AwsEndpoint
  clock: TestClock
  dataDir: string
}

export interface KmsFixture {
  client: KMSClient
  /** Throws at another endpoint. */
  inside: KmsInside
  /** Moves the clock of the engine and of the client's signatures. */
  advance(seconds: number): void
  makeKey(options?: { Description?: string; Policy?: string }): Promise<{ id: string; arn: string }>
  makeAlias(keyId: string): Promise<string>
  encrypt(
    KeyId: string,
    Plaintext: Uint8Array,
    EncryptionContext?: Record<string, string>,
  ): Promise<Uint8Array | undefined>
  decrypt(blob: Uint8Array | undefined, options?: object): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

export async function startKms(): Promise<KmsFixture> {
  const target = contractTarget('KMS')
  const started = target === undefined ? await startEngine() : undefined
  const client = new KMSClient(started?.endpoint.clientOptions ?? target ?? {})
  const keys: string[] = []
  const aliases: string[] = []
  const fixture: KmsFixture = {
    client,
    get inside() {
      if (started === undefined) throw new Error('There is no engine: the suite runs elsewhere')
      return started
    },
    advance(seconds) {
      fixture.inside.clock.advance(seconds)
      client.config.systemClockOffset = fixture.inside.clock.signingOffsetMs
    },
    async makeKey(options = {}) {
      const { KeyMetadata } = await client.send(new CreateKeyCommand(options))
      const { KeyId: id = '', Arn: arn = '' } = KeyMetadata ?? {}
      keys.push(id)
      return { id, arn }
    },
    async makeAlias(TargetKeyId) {
      const AliasName = `alias/${freshName('suite')}`
      await client.send(new CreateAliasCommand({ AliasName, TargetKeyId }))
      aliases.push(AliasName)
      return AliasName
    },
    async encrypt(KeyId, Plaintext, EncryptionContext) {
      const command = new EncryptCommand({ KeyId, Plaintext, EncryptionContext })
      return (await client.send(command)).CiphertextBlob
    },
    async decrypt(CiphertextBlob, options = {}) {
      return (await client.send(new DecryptCommand({ CiphertextBlob, ...options }))).Plaintext
    },
    async close() {
      if (started === undefined) {
        const calls = [
          ...aliases.map((AliasName) => client.send(new DeleteAliasCommand({ AliasName }))),
          ...keys.map((KeyId) =>
            client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
          ),
        ]
        // Recovery: what a test has deleted itself is refused, and gone all the same.
        await Promise.allSettled(calls)
      }
      client.destroy()
      await started?.close()
    },
  }
  return fixture
}

async function startEngine(): Promise<KmsInside & { close(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kms-'))
  const clock = new TestClock()
  const engine = createKmsEngine({ dataDir, clock })
  const endpoint = await serveEngines({ kms: engine }, clock)
  return {
    engine,
    endpoint,
    clock,
    dataDir,
    async close() {
      await endpoint.close()
      await engine.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
