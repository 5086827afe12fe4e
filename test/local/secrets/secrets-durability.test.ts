import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createKmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { createParametersEngine } from '../../../infra/local/secrets/parameters-engine.ts'
import { createSecretsEngine } from '../../../infra/local/secrets/secrets-engine.ts'
import { insideEngine } from '../../support/contract-target.ts'
import { until } from '../../support/until.ts'
import { startKilledEngines } from '../sqs/killed-engines.ts'

const ROUNDS = 25
const inside = insideEngine('SECRETSMANAGER')

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'secrets-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

/** The last value that was acknowledged, and the one that may have been written without a word. */
class Counted {
  acknowledged = 0
  tried = 0

  async write(put: (value: string) => Promise<unknown>): Promise<void> {
    this.tried += 1
    await put(String(this.tried))
    this.acknowledged = this.tried
  }

  get possible(): string[] {
    return [String(this.acknowledged), String(this.tried)]
  }
}

inside.describe('kill -9 under load', () => {
  it('leaves every acknowledged key, secret and parameter as it was last written', async () => {
    const engines = await startKilledEngines(dataDir)
    const kms = new KMSClient(engines.clientOptions)
    const secrets = new SecretsManagerClient(engines.clientOptions)
    const ssm = new SSMClient(engines.clientOptions)
    const sealed: Uint8Array[] = []
    const secret = new Counted()
    const parameter = new Counted()
    await secrets.send(new CreateSecretCommand({ Name: 'killed', SecretString: '0' }))
    const loads = [
      engines.load(async () => {
        const { KeyMetadata } = await kms.send(new CreateKeyCommand({}))
        const command = { KeyId: KeyMetadata?.KeyId, Plaintext: Uint8Array.of(7) }
        const { CiphertextBlob } = await kms.send(new EncryptCommand(command))
        if (CiphertextBlob !== undefined) sealed.push(CiphertextBlob)
      }),
      engines.load(() =>
        secret.write((SecretString) =>
          secrets.send(new PutSecretValueCommand({ SecretId: 'killed', SecretString })),
        ),
      ),
      engines.load(() =>
        parameter.write((Value) =>
          ssm.send(
            new PutParameterCommand({
              Name: '/killed',
              Value,
              Type: 'SecureString',
              Overwrite: true,
            }),
          ),
        ),
      ),
    ]

    const enough = () =>
      Math.min(sealed.length, secret.acknowledged, parameter.acknowledged) >= ROUNDS
    await Promise.race([until(enough, { timeoutMs: 50_000 }), Promise.all(loads)])
    await engines.kill()
    await Promise.all(loads)
    for (const client of [kms, secrets, ssm]) client.destroy()

    const clock = new LocalClock()
    const keys = createKmsEngine({ dataDir, clock })
    const stored = createSecretsEngine({ dataDir, clock })
    const parameters = createParametersEngine({ dataDir, clock, kms: keys })
    expect(enough()).toBe(true)
    expect(sealed.map((blob) => [...keys.open(Buffer.from(blob), {})])).toEqual(
      sealed.map(() => [7]),
    )
    expect(secret.possible).toContain(stored.getValue('killed'))
    expect(parameter.possible).toContain(parameters.get('/killed'))
    for (const engine of [stored, parameters, keys]) await engine.close()
  }, 60_000)
})
