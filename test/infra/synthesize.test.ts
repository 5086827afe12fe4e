import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { FUNCTION_NAMES } from '../../infra/constructs/function-list.ts'
import { SynthesisError, synthesize } from '../../infra/synthesize.ts'

let dir: string
let functionsDir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'portage-synthesize-'))
  functionsDir = join(dir, 'functions')
  for (const name of FUNCTION_NAMES) {
    await mkdir(join(functionsDir, name), { recursive: true })
    await writeFile(join(functionsDir, name, 'index.js'), 'exports.handler = async () => {}\n')
    await writeFile(join(functionsDir, name, 'index.js.map'), '{}')
  }
  return () => rm(dir, { recursive: true })
})

test('writes the assembly of a stage, with context as given', async () => {
  const outdir = join(dir, 'cdk.out')

  await synthesize({ stage: 'local', context: { functionsDir, workSliceSeconds: '2' }, outdir })

  expect(existsSync(join(outdir, 'manifest.json'))).toBe(true)
  const service = JSON.parse(await readFile(join(outdir, 'service.template.json'), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>
  }
  const worker = Object.values(service.Resources).find(
    ({ Properties }) => Properties['FunctionName'] === 'portage-local-deliver-large',
  )
  const assets = (await readdir(outdir, { recursive: true })).filter((file) => /^asset/.test(file))
  expect(assets.some((file) => file.endsWith('index.js'))).toBe(true)
  expect(assets.some((file) => file.endsWith('.map'))).toBe(false)
  expect(worker?.Properties['Environment']).toMatchObject({
    Variables: { WORK_SLICE_SECONDS: '2' },
  })
})

test('says which bundle is missing', async () => {
  const outdir = join(dir, 'nothing.out')

  const synthesizing = synthesize({ stage: 'local', context: { functionsDir: outdir }, outdir })

  await expect(synthesizing).rejects.toThrow(SynthesisError)
  await expect(synthesizing).rejects.toThrow('run "node infra/build.ts" first')
})
