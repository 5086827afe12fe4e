/**
 * Reads a synthesized CDK cloud assembly: the stacks in the order in which they deploy and the
 * folders of their file assets. Nested assemblies (CDK stages) and container images are refused.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isObject, type Json, type JsonObject } from './json.ts'
import { TemplateError } from './template-error.ts'

/** One stack of the assembly with its template as synthesized. */
export interface StackTemplate {
  name: string
  /** Region that the app fixed for the stack; undefined when it takes that of the deployment. */
  region: string | undefined
  template: JsonObject
}

/** A synthesized app. */
export interface Assembly {
  /** Every stack after the stacks it depends on. */
  stacks: StackTemplate[]
  /** Object key in the assets bucket -> absolute path of the folder or file that would be uploaded. */
  assets: Map<string, string>
}

interface Artifact {
  type: string
  dependencies: string[]
  environment: string
  properties: JsonObject
  displayName: string
}

/** Artifacts that carry no resources; everything else is a stack, an asset list or an error. */
const INERT_ARTIFACTS = new Set(['cdk:tree', 'cdk:feature-flag-report'])

export function readAssembly(assemblyDir: string): Assembly {
  const manifestFile = join(assemblyDir, 'manifest.json')
  if (!existsSync(manifestFile)) {
    throw new TemplateError('(none)', manifestFile, 'no synthesized app here; run npm run synth')
  }
  const artifacts = readArtifacts(manifestFile)

  const assets = new Map<string, string>()
  const stacks = new Map<string, { stack: StackTemplate; dependencies: string[] }>()
  for (const [id, artifact] of artifacts) {
    if (artifact.type === 'aws:cloudformation:stack') {
      stacks.set(id, {
        stack: readStack(id, artifact, assemblyDir),
        dependencies: artifact.dependencies,
      })
    } else if (artifact.type === 'cdk:asset-manifest') {
      const file = String(artifact.properties['file'])
      readAssets(join(assemblyDir, file), assemblyDir, assets)
    } else if (!INERT_ARTIFACTS.has(artifact.type)) {
      throw new TemplateError(id, 'manifest.json', `unknown artifact type ${artifact.type}`)
    }
  }
  return { stacks: inDeploymentOrder(stacks), assets }
}

function readArtifacts(manifestFile: string): Map<string, Artifact> {
  const manifest = readJson(manifestFile)
  const artifacts = new Map<string, Artifact>()
  for (const [id, artifact] of Object.entries(objectOf(manifest['artifacts']))) {
    const fields = objectOf(artifact)
    const properties = objectOf(fields['properties'])
    artifacts.set(id, {
      type: String(fields['type']),
      dependencies: Array.isArray(fields['dependencies']) ? fields['dependencies'].map(String) : [],
      environment: String(fields['environment'] ?? ''),
      properties,
      displayName: String(fields['displayName'] ?? id),
    })
  }
  return artifacts
}

function readStack(id: string, artifact: Artifact, assemblyDir: string): StackTemplate {
  const region = artifact.environment.split('/').at(-1)
  return {
    name: String(artifact.properties['stackName'] ?? id),
    region:
      region === undefined || region === '' || region === 'unknown-region' ? undefined : region,
    template: readJson(join(assemblyDir, String(artifact.properties['templateFile']))),
  }
}

function readAssets(file: string, assemblyDir: string, assets: Map<string, string>): void {
  const manifest = readJson(file)
  if (Object.keys(objectOf(manifest['dockerImages'])).length > 0) {
    throw new TemplateError(file, 'dockerImages', 'container images do not run here')
  }
  for (const asset of Object.values(objectOf(manifest['files']))) {
    const source = objectOf(objectOf(asset)['source'])
    const path = realpathSync(resolve(assemblyDir, String(source['path'])))
    for (const destination of Object.values(objectOf(objectOf(asset)['destinations']))) {
      assets.set(String(objectOf(destination)['objectKey']), path)
    }
  }
}

function inDeploymentOrder(
  stacks: Map<string, { stack: StackTemplate; dependencies: string[] }>,
): StackTemplate[] {
  const ordered: StackTemplate[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (id: string, path: string[]): void => {
    const entry = stacks.get(id)
    if (entry === undefined || state.get(id) === 'done') return
    if (state.get(id) === 'open') {
      throw new TemplateError(
        id,
        'manifest.json',
        `stacks depend on each other: ${[...path, id].join(' -> ')}`,
      )
    }
    state.set(id, 'open')
    for (const dependency of entry.dependencies) visit(dependency, [...path, id])
    state.set(id, 'done')
    ordered.push(entry.stack)
  }
  for (const id of stacks.keys()) visit(id, [])
  return ordered
}

function readJson(file: string): JsonObject {
  return objectOf(JSON.parse(readFileSync(file, 'utf8')))
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
