import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteParameterCommand,
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKmsEngine, type KmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import {
  createParametersEngine,
  type ParametersEngine,
} from '../../../infra/local/secrets/parameters-engine.ts'
import { contractTarget, freshName, insideEngine } from '../../support/contract-target.ts'
import { type AwsEndpoint, refused, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

const ARN = 'arn:aws:ssm:us-east-1:111122223333:parameter'
const target = contractTarget('SSM')
const inside = insideEngine('SSM')
const clock = new TestClock()
/** Everything of this run lies below it. */
const root = `/${freshName('suite')}`

let dataDir: string
let kms: KmsEngine
let engine: ParametersEngine
let endpoint: AwsEndpoint
let ssm: SSMClient

beforeAll(async () => {
  if (target !== undefined) {
    ssm = new SSMClient(target)
    return
  }
  dataDir = await mkdtemp(join(tmpdir(), 'ssm-'))
  kms = createKmsEngine({ dataDir, clock })
  engine = createParametersEngine({ dataDir, clock, kms })
  endpoint = await serveEngines({ ssm: engine }, clock)
  ssm = new SSMClient(endpoint.clientOptions)
})
afterAll(async () => {
  if (target !== undefined) {
    const page = { Path: root, Recursive: true }
    for (;;) {
      const { Parameters = [] } = await ssm.send(new GetParametersByPathCommand(page))
      if (Parameters.length === 0) break
      const Names = Parameters.map(({ Name = '' }) => Name)
      await ssm.send(new DeleteParametersCommand({ Names }))
    }
  }
  ssm.destroy()
  if (target !== undefined) return
  await endpoint.close()
  await engine.close()
  await kms.close()
  await rm(dataDir, { recursive: true })
})

const get = async (Name: string, WithDecryption?: boolean) =>
  (await ssm.send(new GetParameterCommand({ Name, WithDecryption }))).Parameter
const put = (Name: string, Value: string, options: object = {}) =>
  ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', ...options }))

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html */
describe('PutParameter', () => {
  it('counts versions and overwrites only when told to', async () => {
    const name = `${root}/origin`

    expect((await put(name, 'one')).Version).toBe(1)
    await expect(put(name, 'two')).rejects.toEqual(refused('ParameterAlreadyExists'))
    expect((await put(name, 'two', { Overwrite: true })).Version).toBe(2)

    expect(await get(name)).toEqual({
      Name: name,
      Value: 'two',
      Version: 2,
      Type: 'String',
      DataType: 'text',
      ARN: expect.stringMatching(new RegExp(`^arn:aws:ssm:.*:parameter${name}$`)),
      LastModifiedDate: expect.any(Date),
    })
  })

  it.each<[string, object, string]>([
    ['no type for a new parameter', { Type: undefined }, 'ValidationException'],
    ['a type that does not exist', { Type: 'Text' }, 'ValidationException'],
    ['a name that begins with aws', { Name: '/aws/x' }, 'ValidationException'],
    ['a hierarchy that does not begin at /', { Name: 'a/b' }, 'ValidationException'],
    ['a space in a name', { Name: '/a b' }, 'ValidationException'],
    ['more than 15 levels', { Name: '/x'.repeat(16) }, 'HierarchyLevelLimitExceededException'],
    ['an empty value', { Value: '' }, 'ValidationException'],
    ['more than 4 KB', { Value: 'x'.repeat(4097) }, 'ValidationException'],
    ['a key for what is not secret', { KeyId: 'alias/aws/ssm' }, 'ValidationException'],
  ])('refuses %s', async (_, options, code) => {
    await expect(put(`${root}/refused`, 'x', options)).rejects.toEqual(refused(code))
  })

  it('takes 4,096 bytes, keeps a list as one text, and does not change a type', async () => {
    const name = `${root}/list`
    await put(`${root}/largest`, 'x'.repeat(4096))
    await put(name, 'a,b', { Type: 'StringList' })

    expect(await get(name)).toMatchObject({ Type: 'StringList', Value: 'a,b' })
    await expect(put(name, 'x', { Overwrite: true })).rejects.toEqual(
      refused('HierarchyTypeMismatchException'),
    )
  })

  // "Parameter Store retains the last 100 versions":
  // https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html
  inside.it('keeps the last 100 versions', async () => {
    const name = `${root}/many-versions`
    for (let version = 1; version <= 102; version += 1) engine.put(name, String(version))

    await expect(get(`${name}:2`)).rejects.toEqual(refused('ParameterVersionNotFound'))
    expect((await get(`${name}:3`))?.Value).toBe('3')
    const list = async (NextToken?: string) =>
      ssm.send(new GetParameterHistoryCommand({ Name: name, NextToken }))
    const first = await list()
    const second = await list(first.NextToken)
    const versions = [...(first.Parameters ?? []), ...(second.Parameters ?? [])]
    expect(versions.map(({ Version }) => Version)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 3),
    )
  })
})

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html */
describe('a SecureString', () => {
  it('is shown sealed, and in the clear to who asks for its decryption', async () => {
    const name = `${root}/secret`
    await put(name, 'hush', { Type: 'SecureString' })

    const sealed = await get(name)
    expect(sealed?.Type).toBe('SecureString')
    expect(sealed?.Value).not.toContain('hush')
    expect(Buffer.from(sealed?.Value ?? '', 'base64').toString()).not.toContain('hush')
    expect((await get(name, true))?.Value).toBe('hush')
    const many = await ssm.send(
      new GetParametersCommand({ Names: [name, `${name}:1`], WithDecryption: true }),
    )
    expect(many.Parameters?.map(({ Value }) => Value)).toEqual(['hush', 'hush'])
    const history = await ssm.send(
      new GetParameterHistoryCommand({ Name: name, WithDecryption: true }),
    )
    expect(history.Parameters?.map(({ Value }) => Value)).toEqual(['hush'])
  })

  it('is refused with a key that does not exist', async () => {
    await expect(
      put(`${root}/no-key`, 'x', { Type: 'SecureString', KeyId: 'alias/none-of-this-name' }),
    ).rejects.toEqual(refused('InvalidKeyId'))
  })

  inside.it('is sealed under its own key with its ARN as context, which policies see', async () => {
    const key = kms.createKey({ keyId: 'own' })
    const name = `${root}/own-key`
    await put(name, 'hush', { Type: 'SecureString', KeyId: 'own' })
    await get(name, true)
    const context = {
      'kms:ViaService': 'ssm.us-east-1.amazonaws.com',
      'kms:EncryptionContext:PARAMETER_ARN': `${ARN}${name}`,
      'kms:EncryptionContextKeys': ['PARAMETER_ARN'],
    }

    expect(endpoint.accessRequests.slice(-2)).toEqual([
      [
        { action: 'ssm:PutParameter', resource: `${ARN}${name}` },
        { action: 'kms:Encrypt', resource: key.arn, context },
      ],
      [
        { action: 'ssm:GetParameter', resource: `${ARN}${name}` },
        { action: 'kms:Decrypt', resource: key.arn, context },
      ],
    ])
    const blob = Buffer.from((await get(name))?.Value ?? '', 'base64')
    expect(kms.open(blob, { PARAMETER_ARN: `${ARN}${name}` }).toString()).toBe('hush')
    expect(() => kms.open(blob, { PARAMETER_ARN: `${ARN}/other` })).toThrow()
    expect(engine.get(name)).toBe('hush')
  })
})

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html */
describe('GetParameter', () => {
  it('finds by name, by ARN and by version', async () => {
    const name = `${root}/by/version`
    await put(name, 'one')
    await put(name, 'two', { Overwrite: true })

    expect((await get((await get(name))?.ARN ?? ''))?.Value).toBe('two')
    expect(await get(`${name}:1`)).toMatchObject({ Value: 'one', Selector: ':1' })
    await expect(get(`${root}/missing`)).rejects.toEqual(refused('ParameterNotFound'))
    await expect(get(`${name}:3`)).rejects.toEqual(refused('ParameterVersionNotFound'))
  })

  inside.it('knows names without a slash, and asks for ARNs with one slash', async () => {
    engine.put('/slashed/x', 'value')
    engine.put('flat', 'value')
    await get('/slashed/x')
    await get('flat')

    expect(endpoint.accessRequests.slice(-2).flat()).toEqual([
      { action: 'ssm:GetParameter', resource: `${ARN}/slashed/x` },
      { action: 'ssm:GetParameter', resource: `${ARN}/flat` },
    ])
    expect((await get(`${ARN}/flat`))?.Name).toBe('flat')
    expect((await get(`${ARN}/slashed/x`))?.Name).toBe('/slashed/x')
  })
})

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html */
describe('GetParameters', () => {
  it('gives those that exist and names the others, 10 at most', async () => {
    await put(`${root}/many/a`, '1')

    const reply = await ssm.send(
      new GetParametersCommand({ Names: [`${root}/many/a`, `${root}/many/b`] }),
    )

    expect(reply.Parameters?.map(({ Name }) => Name)).toEqual([`${root}/many/a`])
    expect(reply.InvalidParameters).toEqual([`${root}/many/b`])
    await expect(
      ssm.send(new GetParametersCommand({ Names: Array.from({ length: 11 }, (_, n) => `/n${n}`) })),
    ).rejects.toEqual(refused('ValidationException'))
  })
})

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html */
describe('GetParametersByPath', () => {
  it('gives one level, or all below with Recursive, a page of at most 10 at a time', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `${root}/path/p${10 + index}`)
    for (const name of names) await put(name, 'x')
    await put(`${root}/path/p10`, 'newer', { Overwrite: true })
    await put(`${root}/path/deep/x`, 'x')
    await put(`${root}/pathology`, 'x')
    const list = async (options: object) => {
      const found: { Name?: string | undefined; Value?: string | undefined }[] = []
      let NextToken: string | undefined
      do {
        const page = await ssm.send(
          new GetParametersByPathCommand({ Path: `${root}/path`, NextToken, ...options }),
        )
        expect(page.Parameters?.length).toBeLessThanOrEqual(10)
        found.push(...(page.Parameters ?? []))
        NextToken = page.NextToken
      } while (NextToken !== undefined)
      return found.toSorted((a, b) => ((a.Name ?? '') < (b.Name ?? '') ? -1 : 1))
    }

    const level = await list({})
    expect(level.map(({ Name }) => Name)).toEqual(names)
    expect(level[0]).toMatchObject({ Value: 'newer', Version: 2 })
    const all = await list({ Recursive: true, MaxResults: 10 })
    expect(all.map(({ Name }) => Name)).toEqual([`${root}/path/deep/x`, ...names])
  })
})

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html */
describe('DeleteParameter', () => {
  it('takes a parameter away with its history; a new one begins at version 1', async () => {
    const name = `${root}/deleted`
    await put(name, 'one')
    await put(name, 'two', { Overwrite: true })

    await ssm.send(new DeleteParameterCommand({ Name: name }))

    await expect(get(name)).rejects.toEqual(refused('ParameterNotFound'))
    await expect(ssm.send(new DeleteParameterCommand({ Name: name }))).rejects.toEqual(
      refused('ParameterNotFound'),
    )
    const reply = await ssm.send(new DeleteParametersCommand({ Names: [name, `${root}/list`] }))
    expect([reply.DeletedParameters, reply.InvalidParameters]).toEqual([[`${root}/list`], [name]])
    expect((await put(name, 'three')).Version).toBe(1)
  })
})

inside.describe('this engine', () => {
  it('writes a new version for a template only when its value changes, and keeps it', async () => {
    const made = engine.put('/kept', 'one')
    engine.put('/kept', 'one')
    expect((await get('/kept'))?.Version).toBe(1)

    const restarted = createParametersEngine({ dataDir, clock, kms })
    expect(restarted.get('/kept')).toBe('one')
    expect(restarted.get('/missing')).toBeUndefined()
    await restarted.close()

    expect(made).toEqual({ name: '/kept', arn: `${ARN}/kept` })
  })

  it('names an operation that it does not know', async () => {
    await expect(ssm.send(new DescribeParametersCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('DescribeParameters'),
    })
  })
})
