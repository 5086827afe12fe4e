/** Secrets and parameters, read once and kept for five minutes, so that a rotation reaches warm environments. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import * as z from 'zod'
import { type Clock, MINUTE_MS } from './clock.ts'

const KEEP_MS = 5 * MINUTE_MS

function kept<Value>(clock: Clock, read: () => Promise<Value>): () => Promise<Value> {
  let current: { value: Promise<Value>; untilMs: number } | undefined
  return () => {
    if (!current || current.untilMs <= clock.now()) {
      const value = read()
      const entry = { value, untilMs: clock.now() + KEEP_MS }
      current = entry
      // A failed read must not be kept: the next caller asks again.
      value.catch(() => {
        if (current === entry) current = undefined
      })
    }
    return current.value
  }
}

function jsonSecret<Schema extends z.ZodType>(
  deps: { secrets: SecretsManagerClient; clock: Clock },
  secretId: string,
  schema: Schema,
): () => Promise<z.output<Schema>> {
  return kept(deps.clock, async () => {
    const reply = await deps.secrets.send(new GetSecretValueCommand({ SecretId: secretId }))
    return schema.parse(JSON.parse(reply.SecretString ?? ''))
  })
}

type SecretDeps = { secrets: SecretsManagerClient; clock: Clock }

export interface OauthClientSecret {
  clientId: string
  clientSecret: string
}

const oauthClients = z.record(
  z.string(),
  z.object({ clientId: z.string(), clientSecret: z.string() }),
)

/** Finds the OAuth client of a provider; undefined as long as the operator has stored none. */
export type OauthClients = (provider: string) => Promise<OauthClientSecret | undefined>

export function oauthClientsReader(deps: SecretDeps, secretId: string): OauthClients {
  const read = jsonSecret(deps, secretId, oauthClients)
  return async (provider) => {
    const client = (await read())[provider]
    return client?.clientId && client.clientSecret ? client : undefined
  }
}

export interface SigningKeys {
  currentKeyId: string
  keys: Map<string, Buffer>
}

// One key per purpose with two live values: whoever rotates adds a member and moves `currentKeyId`.
const signingKeys = z
  .object({ currentKeyId: z.string() })
  .catchall(z.string().min(32))
  .transform(
    ({ currentKeyId, ...keys }): SigningKeys => ({
      currentKeyId,
      keys: new Map(Object.entries(keys).map(([keyId, key]) => [keyId, Buffer.from(String(key))])),
    }),
  )

export function signingKeyReader(deps: SecretDeps, secretId: string) {
  return jsonSecret(deps, secretId, signingKeys)
}

const originVerify = z.object({ current: z.string().min(32), previous: z.string() })

/** The values that prove a request came through the distribution; two are live while one is rotated. */
export function originVerifyReader(deps: SecretDeps, secretId: string) {
  const read = jsonSecret(deps, secretId, originVerify)
  return async (): Promise<string[]> => {
    const { current, previous } = await read()
    return previous === '' ? [current] : [current, previous]
  }
}

const publicOrigin = z.url().transform((value) => new URL(value).origin)

/** The public origin: cookies, links, Origin checks and redirect URIs come from it, never from Host. */
export function originReader(deps: { parameters: SSMClient; clock: Clock }, name: string) {
  return kept(deps.clock, async () => {
    const reply = await deps.parameters.send(new GetParameterCommand({ Name: name }))
    return publicOrigin.parse(reply.Parameter?.Value)
  })
}

/** The operator's switch for new hand-overs; anything but `false` is open. */
export function intakeOpenReader(deps: { parameters: SSMClient; clock: Clock }, name: string) {
  return kept(deps.clock, async () => {
    const reply = await deps.parameters.send(new GetParameterCommand({ Name: name }))
    return reply.Parameter?.Value !== 'false'
  })
}
