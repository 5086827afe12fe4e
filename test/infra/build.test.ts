import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildFunctions, buildPages, MissingSourceError } from '../../infra/build.ts'
import { FUNCTION_NAMES, FUNCTIONS } from '../../infra/constructs/function-list.ts'

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

describe('buildPages', () => {
  test('puts both pages side by side, without inline script', async () => {
    for (const page of ['dashboard', 'portal']) {
      await source(
        `web/${page}/index.html`,
        '<!doctype html><html lang="en"><head><title>Portage</title></head><body><script type="module" src="./main.tsx"></script></body></html>',
      )
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
})
