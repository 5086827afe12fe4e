import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildFunctions, buildPages, MissingSourceError } from '../../infra/build.ts'
import { FUNCTION_NAMES, FUNCTIONS } from '../../infra/constructs/function-list.ts'
import { KEPT_ERRORS } from '../../infra/lean-bundles.ts'

let root: string
let outDir: string

beforeAll(async () => {
  // Inside the repository, where sources find their packages.
  await mkdir('dist', { recursive: true })
  root = await mkdtemp(join(process.cwd(), 'dist', 'build-test-'))
  outDir = join(await mkdtemp(join(tmpdir(), 'portage-build-')), 'dist')
  return () => rm(dirname(outDir), { recursive: true })
})

afterAll(() => rm(root, { recursive: true }))

async function source(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

describe('buildFunctions', () => {
  test('names every handler file that is missing', async () => {
    await source('functions/api/auth.ts', 'export const handler = async () => 1')

    const building = buildFunctions({ outDir, root })

    await expect(building).rejects.toThrow(MissingSourceError)
    await expect(building).rejects.toThrow('functions/schedule/sweep-due.ts (sweep-due)')
    await expect(building).rejects.not.toThrow('functions/api/auth.ts')
  })

  test('makes one CommonJS bundle per function, which takes credentials from the environment only', async () => {
    for (const { handler } of Object.values(FUNCTIONS)) {
      await source(
        handler,
        `import { SQSClient } from '@aws-sdk/client-sqs'
         const client = new SQSClient({ region: 'us-east-1' })
         export const handler = () => client.config.credentials()`,
      )
    }
    await mkdir(join(outDir, 'functions', 'renamed'), { recursive: true })

    const metafile = await buildFunctions({ outDir, root })

    expect((await readdir(join(outDir, 'functions'))).sort()).toEqual([...FUNCTION_NAMES].sort())
    const inputs = Object.keys(metafile.inputs).join('\n')
    expect(inputs).toContain('infra/env-credentials.ts')
    expect(inputs).not.toMatch(/credential-provider-(node|sso|ini|http)/)
    const required = createRequire(import.meta.url)(join(outDir, 'functions', 'auth', 'index.js'))
    await expect(required.handler()).rejects.toThrow('no AWS credentials')
  })
})

describe('leanBundles', () => {
  test('keeps each error class that a source names, and only those', async () => {
    const named = new Set<string>()
    for (const dir of ['functions', 'shared']) {
      for (const file of await readdir(dir, { recursive: true })) {
        if (!file.endsWith('.ts')) continue
        const text = await readFile(join(dir, file), 'utf8')
        for (const [, imported = ''] of text.matchAll(
          /import \{([^}]*)\} from '@aws-sdk\/client-[^']+'/g,
        )) {
          const classes = imported.split(',').map((name) => name.trim())
          // The base class of a service's errors is always there.
          for (const name of classes.filter((each) => /(?<!Service)(Exception|Error)$/.test(each)))
            named.add(name)
        }
      }
    }
    expect([...named].sort()).toEqual(KEPT_ERRORS)
  })

  const ERRORS = [
    {
      title: 'one that nobody tells apart keeps its name and message',
      call: 'parameter',
      status: 400,
      body: '{"__type":"ParameterNotFound","message":"no such parameter"}',
      seen: { name: 'ParameterNotFound', message: 'no such parameter', status: 400, requests: 1 },
    },
    {
      title: 'so does one of S3',
      call: 'abort',
      status: 404,
      body: '<Error><Code>NoSuchUpload</Code><Message>it is gone</Message></Error>',
      seen: { name: 'NoSuchUpload', message: 'it is gone', status: 404, requests: 1 },
    },
    {
      title: 'throttling is repeated by its name',
      call: 'decrypt',
      status: 400,
      body: '{"__type":"ThrottlingException","message":"slower"}',
      seen: { name: 'ThrottlingException', message: 'slower', status: 400, requests: 3 },
    },
    {
      title: 'one whose members are read has them',
      call: 'put',
      status: 400,
      body: '{"__type":"x#ConditionalCheckFailedException","message":"no","Item":{"pk":{"S":"1"}}}',
      seen: { name: 'ConditionalCheckFailedException', Item: { pk: { S: '1' } }, requests: 1 },
    },
  ]

  test('errors of AWS are what they are without it', async () => {
    for (const { handler } of Object.values(FUNCTIONS)) await source(handler, 'export {}')
    await source(
      FUNCTIONS.auth.handler,
      `import { Readable } from 'node:stream'
       import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
       import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms'
       import { AbortMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3'
       import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
       const CALLS = {
         parameter: [SSMClient, new GetParameterCommand({ Name: '/none' })],
         abort: [S3Client, new AbortMultipartUploadCommand({ Bucket: 'b', Key: 'k', UploadId: 'u' })],
         decrypt: [KMSClient, new DecryptCommand({ CiphertextBlob: Buffer.from('x') })],
         put: [DynamoDBClient, new PutItemCommand({ TableName: 't', Item: { pk: { S: '1' } } })],
       }
       export async function handler({ call, status, body }) {
         const [Client, command] = CALLS[call]
         let requests = 0
         const answer = async () => {
           requests += 1
           const response = { statusCode: status, headers: {}, body: Readable.from([Buffer.from(body)]) }
           return { response }
         }
         const client = new Client({
           region: 'us-east-1',
           credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
           requestHandler: { handle: answer, updateHttpClientConfig() {}, httpHandlerConfigs: () => ({}) },
         })
         const error = await client.send(command).catch((thrown) => thrown)
         const { name, message, Item, $metadata } = error
         return { name, message, Item, status: $metadata.httpStatusCode, requests }
       }`,
    )
    // Beside the bundles of other tests, of which `require` may remember one.
    const ownDir = join(outDir, 'errors')
    await buildFunctions({ outDir: ownDir, root })
    const require = createRequire(import.meta.url)
    const bundle = require(join(ownDir, 'functions', 'auth', 'index.js'))

    for (const { title, seen, ...failure } of ERRORS) {
      expect(await bundle.handler(failure), title).toMatchObject(seen)
    }
  })
})

describe('buildPages', () => {
  const PAGE =
    '<!doctype html><html lang="en"><head><title>Portage</title></head><body><script type="module" src="./main.tsx"></script></body></html>'

  test('puts both pages side by side, without inline script', async () => {
    for (const page of ['dashboard', 'portal']) {
      await source(`web/${page}/index.html`, PAGE)
      const library = page === 'portal' ? "'preact'" : "'react-dom/client'"
      await source(`web/${page}/main.tsx`, `import * as ui from ${library}\nconsole.log(ui)`)
    }

    await buildPages({ outDir, root })

    const site = join(outDir, 'site')
    expect((await readdir(site)).sort()).toEqual(['assets', 'index.html', 'portal.html'])
    for (const page of ['index.html', 'portal.html']) {
      const html = await readFile(join(site, page), 'utf8')
      const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)]
      expect(scripts.length).toBeGreaterThan(0)
      for (const [, attributes, inline] of scripts) {
        expect(attributes).toMatch(/src="\/assets\/[^"]+-[\w-]{8}\.js"/)
        expect(inline).toBe('')
      }
    }
  })

  test('with what is deployed, also where tests run', async () => {
    const nodeEnv = process.env['NODE_ENV']
    for (const page of ['dashboard', 'portal']) {
      await source(`web/${page}/index.html`, PAGE)
      await source(`web/${page}/main.tsx`, `console.log(process.env.NODE_ENV + ' ${page}')`)
    }

    await buildPages({ outDir, root })

    const assets = join(outDir, 'site', 'assets')
    const scripts = (await readdir(assets)).filter((name) => name.endsWith('.js'))
    expect(scripts).toHaveLength(2)
    for (const script of scripts) {
      expect(await readFile(join(assets, script), 'utf8')).toMatch(/production (dashboard|portal)/)
    }
    expect(nodeEnv).toBe('test')
    expect(process.env['NODE_ENV']).toBe(nodeEnv)
  })
})
