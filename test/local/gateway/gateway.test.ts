import { request as httpRequest } from 'node:http'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterEach, describe, expect, it } from 'vitest'
import { type AwsEngine, AwsError } from '../../../infra/local/engine.ts'
import type { GatewayOptions } from '../../../infra/local/gateway/gateway.ts'
import type { Principal } from '../../../infra/local/gateway/principals.ts'
import type { PolicyDocument } from '../../../infra/local/policy-document.ts'
import {
  allow,
  clientConfig,
  makePrincipal,
  ROLE_ARN,
  recordingJson,
  recordingS3,
  startGateway,
} from './harness.ts'

const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/portage'
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function serve(principal: Principal, over: Partial<GatewayOptions> = {}) {
  const s3 = recordingS3()
  const dynamodb = recordingJson('dynamodb', TABLE_ARN)
  const local = await startGateway({ s3, dynamodb }, [principal], over)
  cleanups.push(() => local.gateway.close())
  const config = clientConfig(local.endpoint, principal)
  return {
    ...local,
    s3,
    dynamodb,
    client: new S3Client(config),
    tables: new DynamoDBClient(config),
  }
}

const put = (key = 'k') => new PutObjectCommand({ Bucket: 'staging', Key: key, Body: 'x' })
const getItem = () => new GetItemCommand({ TableName: 'portage', Key: { pk: { S: 'user#1' } } })

function rawRequest(port: number, over: { path?: string; method?: string; headers?: object }) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
    (resolve, reject) => {
      const outgoing = httpRequest(
        {
          host: '127.0.0.1',
          port,
          path: over.path ?? '/',
          method: over.method ?? 'GET',
          headers: { ...over.headers },
        },
        (incoming) => {
          let body = ''
          incoming.setEncoding('utf8').on('data', (text: string) => {
            body += text
          })
          incoming.once('end', () =>
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
          )
        },
      )
      outgoing.once('error', reject)
      outgoing.end()
    },
  )
}

describe('permissions', () => {
  it('lets through what a policy allows and names what it does not', async () => {
    const { client, s3 } = await serve(
      makePrincipal({
        sessionName: 'uploads',
        policies: [allow('s3:PutObject', 'arn:aws:s3:::staging/staging/*')],
      }),
    )

    await client.send(put('staging/a'))
    expect(s3.seen).toHaveLength(1)
    await expect(client.send(put('downloads/a'))).rejects.toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
      message:
        'User: arn:aws:sts::111122223333:assumed-role/uploader/uploads is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::staging/downloads/a" because no identity-based policy allows the s3:PutObject action',
    })
    await expect(
      client.send(new DeleteObjectCommand({ Bucket: 'staging', Key: 'staging/a' })),
    ).rejects.toMatchObject({ name: 'AccessDenied' })
    expect(s3.seen).toHaveLength(1)
  })

  it('refuses in the protocol of a JSON service', async () => {
    const { tables, dynamodb } = await serve(makePrincipal({ policies: [] }))

    await expect(tables.send(getItem())).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: ${ROLE_ARN} is not authorized to perform: dynamodb:GetItem on resource: ${TABLE_ARN} because no identity-based policy allows the dynamodb:GetItem action`,
    })
    expect(dynamodb.seen).toEqual([])
  })

  it('answers HEAD without a body', async () => {
    const { client } = await serve(makePrincipal({ policies: [] }))

    await expect(
      client.send(new HeadObjectCommand({ Bucket: 'staging', Key: 'k' })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
  })

  it('judges a presigned URL by what its signer may do when it is used', async () => {
    const principal = makePrincipal()
    const { client, store, s3 } = await serve(principal)
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'staging', Key: 'k' }))
    expect((await fetch(url)).status).toBe(200)

    store.register({ ...principal, policies: [] })

    expect((await fetch(url)).status).toBe(403)
    expect(s3.seen).toHaveLength(1)
  })

  it('knows no principal that was removed', async () => {
    const principal = makePrincipal()
    const { client, store } = await serve(principal)
    store.remove(principal.accessKeyId)

    await expect(client.send(put())).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  })

  it('refuses to register a policy that it cannot judge', async () => {
    const { store } = await serve(makePrincipal())

    expect(() =>
      store.register(
        makePrincipal({ policies: [allow('*', '*', { StringIs: { 'aws:x': 'y' } })] }),
      ),
    ).toThrow('StringIs')
  })
})

describe('a bucket policy', () => {
  const denying = (condition: Record<string, Record<string, string>>): PolicyDocument => ({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: '*', Condition: condition },
    ],
  })

  it('refuses plain http when transport does not count as secure', async () => {
    let isSecure = true
    const { client, s3 } = await serve(makePrincipal(), { secureTransport: () => isSecure })
    s3.policy = denying({ Bool: { 'aws:SecureTransport': 'false' } })

    await client.send(put())
    isSecure = false

    await expect(client.send(put())).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('with an explicit deny in a resource-based policy'),
    })
  })

  it('refuses presigned URLs whose signature is older than it allows', async () => {
    const { client, s3, clock } = await serve(makePrincipal())
    s3.policy = denying({ NumericGreaterThan: { 's3:signatureAge': '900000' } })
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'staging', Key: 'k' }), {
      expiresIn: 3_600,
    })

    clock.offsetMs = 895_000
    expect((await fetch(url)).status).toBe(200)
    clock.offsetMs = 905_000
    expect((await fetch(url)).status).toBe(403)
    clock.offsetMs = 0
    await client.send(put())
  })

  it('alone decides about calls that are not signed', async () => {
    const { s3, endpoint } = await serve(makePrincipal())
    const get = async () => (await fetch(`${endpoint}/staging/k`)).status
    const statement = { Principal: '*', Action: 's3:GetObject', Resource: '*' } as const

    expect(await get()).toBe(403)
    s3.policy = { Statement: { ...statement, Effect: 'Allow' } }
    expect(await get()).toBe(200)
    expect(s3.seen[0]).toMatchObject({ principalArn: 'anonymous' })
    s3.policy = { Statement: { ...statement, Effect: 'Allow', Principal: { AWS: ROLE_ARN } } }
    expect(await get()).toBe(403)
  })

  it('sees how a request is signed', async () => {
    const { client, s3 } = await serve(makePrincipal())
    s3.policy = denying({ StringNotEquals: { 's3:authType': 'REST-QUERY-STRING' } })
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'staging', Key: 'k' }))

    expect((await fetch(url)).status).toBe(200)
    await expect(client.send(put())).rejects.toMatchObject({ name: 'AccessDenied' })
  })
})

describe('the endpoint', () => {
  it.each(['evil.example', 'staging.s3.amazonaws.com', '127.0.0.1'])(
    'misdirects the foreign host %j',
    async (host) => {
      const { port, s3 } = await serve(makePrincipal())

      expect((await rawRequest(port, { headers: { host } })).status).toBe(421)
      expect(s3.seen).toEqual([])
    },
  )

  it('serves under localhost too', async () => {
    const { port, client } = await serve(makePrincipal())
    const reply = await rawRequest(port, { headers: { host: `localhost:${port}` } })

    expect(reply.status).toBe(403)
    expect(reply.headers['x-amz-request-id']).toMatch(/^[0-9A-F]{16}$/)
    expect(reply.body).toContain(`<RequestId>${reply.headers['x-amz-request-id']}</RequestId>`)
    await client.send(put())
  })

  it('names a service that nothing serves here', async () => {
    const local = await startGateway({}, [makePrincipal()])
    cleanups.push(() => local.gateway.close())
    const client = new DynamoDBClient(clientConfig(local.endpoint, makePrincipal()))

    await expect(client.send(getItem())).rejects.toMatchObject({
      name: 'UnknownEndpoint',
      message: 'No engine serves dynamodb on this machine',
    })
  })

  it('is not fooled by a service named like a member of every object', async () => {
    const { port } = await serve(makePrincipal())
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDUPLOADER/20261122/us-east-1/constructor/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`
    const host = `127.0.0.1:${port}`

    expect((await rawRequest(port, { headers: { host, authorization } })).status).toBe(404)
  })

  it("hides an engine's failure from the caller and reports it", async () => {
    const broken: AwsEngine = {
      accessRequests: () => [],
      handle: () => Promise.reject(new Error('disk path /secret')),
      close: async () => {},
    }
    const local = await startGateway({ s3: broken }, [makePrincipal()])
    cleanups.push(() => local.gateway.close())
    const client = new S3Client(clientConfig(local.endpoint, makePrincipal()))

    await expect(client.send(put())).rejects.toMatchObject({
      name: 'InternalError',
      message: expect.not.stringContaining('secret'),
      $metadata: { httpStatusCode: 500 },
    })
    expect(local.failures).toEqual([expect.objectContaining({ message: 'disk path /secret' })])
  })

  it('refuses a body that is not a JSON object', async () => {
    const { tables, dynamodb } = await serve(makePrincipal())
    tables.middlewareStack.add(
      (next) => async (args) => {
        const { headers } = args.request as { headers: Record<string, string> }
        headers['content-length'] = '3'
        Object.assign(args.request as object, { body: '[1]' })
        return await next(args)
      },
      { step: 'build' },
    )

    await expect(tables.send(getItem())).rejects.toMatchObject({ name: 'SerializationException' })
    expect(dynamodb.seen).toEqual([])
  })

  it('leaves preflights to the S3 engine and lets pages read refusals', async () => {
    const cors: AwsEngine = {
      accessRequests: () => [{ action: 's3:PutObject', resource: 'arn:aws:s3:::staging/k' }],
      handle: async () => {},
      close: async () => {},
      handlePreflight(request, response) {
        if (request.headers.origin !== 'http://page.example') return false
        response.setHeader('access-control-allow-origin', '*')
        response.end()
        return true
      },
      addCorsHeaders: (_request, response) => {
        response.setHeader('access-control-allow-origin', '*')
      },
    }
    const local = await startGateway({ s3: cors }, [])
    cleanups.push(() => local.gateway.close())
    const ask = (method: string, origin: string) =>
      rawRequest(local.port, {
        method,
        path: '/staging/k',
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          host: `127.0.0.1:${local.port}`,
        },
      })

    const preflight = await ask('OPTIONS', 'http://page.example')
    expect(preflight.status).toBe(200)
    expect(preflight.headers['access-control-allow-origin']).toBe('*')
    expect((await ask('OPTIONS', 'http://other.example')).status).toBe(403)
    const refused = await ask('PUT', 'http://page.example')
    expect(refused.status).toBe(403)
    expect(refused.headers['access-control-allow-origin']).toBe('*')
  })
})

describe('counting and faults', () => {
  it('counts authorized calls by operation and principal', async () => {
    const { gateway, client, tables } = await serve(
      makePrincipal({ policies: [allow(['s3:PutObject', 'dynamodb:GetItem'], '*')] }),
    )
    await client.send(put())
    await client.send(put())
    await tables.send(getItem())
    await expect(
      client.send(new GetObjectCommand({ Bucket: 'staging', Key: 'k' })),
    ).rejects.toThrow()

    expect(gateway.calls()).toEqual([
      { service: 's3', operation: 'PutObject', principalArn: ROLE_ARN, count: 2 },
      { service: 'dynamodb', operation: 'GetItem', principalArn: ROLE_ARN, count: 1 },
    ])
    gateway.resetCalls()
    expect(gateway.calls()).toEqual([])
  })

  it('refuses or delays the calls that a fault hook picks, until it is taken away', async () => {
    const { gateway, client, tables, s3 } = await serve(makePrincipal())
    const remove = gateway.intercept((call) => {
      if (call.service === 's3') return new AwsError('SlowDown', 'Please reduce your rate.', 503)
      return { delayMs: 60 }
    })

    await expect(client.send(put())).rejects.toMatchObject({
      name: 'SlowDown',
      $metadata: { httpStatusCode: 503 },
    })
    const start = performance.now()
    await tables.send(getItem())
    expect(performance.now() - start).toBeGreaterThanOrEqual(55)
    expect(s3.seen).toEqual([])
    remove()

    await client.send(put())
    expect(s3.seen).toHaveLength(1)
  })
})
