import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAssembly } from '../../../infra/local/template/assembly.ts'

function writeAssembly(artifacts: object, files: Record<string, object> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'assembly-'))
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ version: '55.0.0', artifacts }))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dir, name), JSON.stringify(content))
  }
  return dir
}

const stack = (templateFile: string, dependencies: string[] = []) => ({
  type: 'aws:cloudformation:stack',
  environment: 'aws://unknown-account/unknown-region',
  properties: { templateFile },
  dependencies,
})

describe('readAssembly', () => {
  it('lists each stack after the stacks it depends on, and the folders of the assets', () => {
    const dir = writeAssembly(
      {
        Service: stack('service.json', ['Assets', 'Data']),
        Data: stack('data.json'),
        Assets: { type: 'cdk:asset-manifest', properties: { file: 'assets.json' } },
        Tree: { type: 'cdk:tree', properties: {} },
      },
      {
        'service.json': { Resources: {} },
        'data.json': { Resources: {} },
        'assets.json': {
          files: {
            abc: {
              source: { path: 'asset.abc', packaging: 'zip' },
              destinations: { here: { bucketName: 'x', objectKey: 'abc.zip' } },
            },
          },
        },
      },
    )
    mkdirSync(join(dir, 'asset.abc'))

    const assembly = readAssembly(dir)

    expect(assembly.stacks.map(({ name }) => name)).toEqual(['Data', 'Service'])
    expect(assembly.assets.get('abc.zip')).toBe(join(dir, 'asset.abc'))
  })

  it('refuses stacks in a ring, unknown artifacts and a folder without an app', () => {
    const ring = writeAssembly(
      { A: stack('a.json', ['B']), B: stack('a.json', ['A']) },
      { 'a.json': {} },
    )
    const strange = writeAssembly({ Nested: { type: 'cdk:cloud-assembly' } })

    expect(() => readAssembly(ring)).toThrow('stacks depend on each other: A -> B -> A')
    expect(() => readAssembly(strange)).toThrow('unknown artifact type cdk:cloud-assembly')
    expect(() => readAssembly(tmpdir())).toThrow('no synthesized app here')
  })
})
