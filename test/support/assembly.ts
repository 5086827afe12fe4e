/** Builds and synthesizes the stage `local` once per test run, unless the sources are unchanged. */
import type { TestProject } from 'vitest/node'
import { ensureBuiltStage } from '../../infra/local/built-stage.ts'

declare module 'vitest' {
  interface ProvidedContext {
    assemblyDir: string
    siteDir: string
  }
}

export async function setup(project: TestProject): Promise<void> {
  const { assemblyDir, siteDir } = await ensureBuiltStage()
  project.provide('assemblyDir', assemblyDir)
  project.provide('siteDir', siteDir)
}
