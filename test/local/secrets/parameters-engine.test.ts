import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createParametersEngine,
  type ParametersEngine,
} from '../../../infra/local/secrets/parameters-engine.ts'
import { type AwsEndpoint, serveEngines, TestClock } from '../sqs/aws-endpoint.ts'

const ARN = 'arn:aws:ssm:us-east-1:111122223333:parameter'

let dataDir: string
let engine: ParametersEngine
let endpoint: AwsEndpoint
let ssm: SSMClient
const clock = new TestClock()

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ssm-'))
  engine = createParametersEngine({ dataDir, clock })
  endpoint = await serveEngines({ ssm: engine }, clock)
  ssm = new SSMClient(endpoint.clientOptions)
})
afterAll(async () => {
  ssm.destroy()
  await endpoint.close()
  await engine.close()
  await rm(dataDir, { recursive: true })
})

const refused = (name: string) => expect.objectContaining({ name })
const get = async (Name: string) => (await ssm.send(new GetParameterCommand({ Name }))).Parameter
const put = (Name: string, Value: string, options: object = {}) =>
  ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', ...options }))

describe('PutParameter', () => {
  it('counts versions and overwrites only when told to', async () => {
    expect((await put('/portage/dev/origin', 'one')).Version).toBe(1)
    await expect(put('/portage/dev/origin', 'two')).rejects.toEqual(
      refused('ParameterAlreadyExists'),
    )
    expect((await put('/portage/dev/origin', 'two', { Overwrite: true })).Version).toBe(2)

    expect(await get('/portage/dev/origin')).toEqual({
      Name: '/portage/dev/origin',
      Value: 'two',
      Version: 2,
      Type: 'String',
      DataType: 'text',
      ARN: `${ARN}/portage/dev/origin`,
      LastModifiedDate: new Date(clock.now()),
    })
  })

  it('refuses a missing type, a type it does not keep, names and values out of bounds', async () => {
    const attempts: [object, string][] = [
      [{ Type: undefined }, 'ValidationException'],
      [{ Type: 'SecureString' }, 'UnsupportedParameterType'],
      [{ Name: '/aws/x' }, 'ValidationException'],
      [{ Name: 'a/b' }, 'ValidationException'],
      [{ Name: '/a b' }, 'ValidationException'],
      [{ Value: 'x'.repeat(4097) }, 'ValidationException'],
    ]
    for (const [options, name] of attempts) {
      await expect(put('/new', 'x', options)).rejects.toEqual(refused(name))
    }
  })
})

describe('GetParameter', () => {
  it('finds by name, by ARN and by version', async () => {
    await put('/by/version', 'one')
    await put('/by/version', 'two', { Overwrite: true })
    await put('flat', 'value')
    await put('/rooted', 'value')

    expect((await get(`${ARN}/by/version`))?.Value).toBe('two')
    expect(await get('/by/version:1')).toMatchObject({ Value: 'one', Selector: ':1' })
    expect((await get(`${ARN}/flat`))?.Name).toBe('flat')
    expect((await get(`${ARN}/rooted`))?.Name).toBe('/rooted')
    await expect(get('/missing')).rejects.toEqual(refused('ParameterNotFound'))
    await expect(get('/by/version:3')).rejects.toEqual(refused('ParameterVersionNotFound'))
  })

  it('asks for permission on an ARN with one slash after "parameter"', async () => {
    engine.put('/slashed/x', 'value')
    engine.put('slashless', 'value')
    await get('/slashed/x')
    await get('slashless')

    expect(endpoint.accessRequests.slice(-2).flat()).toEqual([
      { action: 'ssm:GetParameter', resource: `${ARN}/slashed/x` },
      { action: 'ssm:GetParameter', resource: `${ARN}/slashless` },
    ])
  })
})

describe('GetParameters', () => {
  it('gives those that exist and names the others', async () => {
    engine.put('/many/a', '1')

    const reply = await ssm.send(new GetParametersCommand({ Names: ['/many/a', '/many/b'] }))

    expect(reply.Parameters?.map(({ Name }) => Name)).toEqual(['/many/a'])
    expect(reply.InvalidParameters).toEqual(['/many/b'])
    await expect(
      ssm.send(new GetParametersCommand({ Names: Array.from({ length: 11 }, (_, n) => `/n${n}`) })),
    ).rejects.toEqual(refused('ValidationException'))
  })
})

describe('GetParametersByPath', () => {
  it('gives one level, or all below with Recursive, a page of at most 10 at a time', async () => {
    for (let index = 0; index < 12; index += 1) engine.put(`/path/p${10 + index}`, `${index}`)
    engine.put('/path/p10', 'newer')
    engine.put('/path/deep/x', 'x')
    engine.put('/pathology', 'x')
    const list = (options: object) =>
      ssm.send(new GetParametersByPathCommand({ Path: '/path', ...options }))

    const first = await list({})
    const second = await list({ NextToken: first.NextToken })
    const all = [...(first.Parameters ?? []), ...(second.Parameters ?? [])]
    const deep = await list({ Recursive: true, MaxResults: 1 })

    expect(all.map(({ Name }) => Name)).toEqual(
      Array.from({ length: 12 }, (_, index) => `/path/p${10 + index}`),
    )
    expect(all[0]).toMatchObject({ Value: 'newer', Version: 2 })
    expect(second.NextToken).toBeUndefined()
    expect(deep.Parameters?.map(({ Name }) => Name)).toEqual(['/path/deep/x'])
  })
})

describe('a parameter of a template', () => {
  it('gets a new version only when its value changes, and keeps it over a restart', async () => {
    const made = engine.put('/kept', 'one')
    engine.put('/kept', 'one')
    expect((await get('/kept'))?.Version).toBe(1)

    const restarted = createParametersEngine({ dataDir, clock })
    expect(restarted.get('/kept')).toBe('one')
    expect(restarted.get('/missing')).toBeUndefined()
    await restarted.close()

    expect(made).toEqual({ name: '/kept', arn: `${ARN}/kept` })
  })
})

describe('an unknown operation', () => {
  it('is refused by name', async () => {
    await expect(ssm.send(new DeleteParameterCommand({ Name: '/x' }))).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('DeleteParameter'),
    })
  })
})
