/** Synthesizes the app of one stage without the CDK command line. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StageName } from './stages.ts'

interface SynthesizeOptions {
  stage: StageName
  /** Further context, as `-c name=value` gives it; `functionsDir` replaces `dist/functions`. */
  context?: Record<string, string>
  /** Where the cloud assembly goes. */
  outdir: string
}

const ROOT = join(import.meta.dirname, '..')

export class SynthesisError extends Error {
  override name = 'SynthesisError' as const
}

/** The app runs in a process of its own: CDK keeps state in module globals and 200 MB of memory. */
export async function synthesize({
  stage,
  context = {},
  outdir,
}: SynthesizeOptions): Promise<void> {
  const file = JSON.parse(await readFile(join(ROOT, 'cdk.json'), 'utf8')) as {
    context: Record<string, unknown>
  }
  const app = spawn(process.execPath, [join(ROOT, 'infra', 'app.ts')], {
    cwd: ROOT,
    env: {
      ...process.env,
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...file.context, ...context, stage }),
      // The checks of CloudFormation's own schemas belong to `npm run synth`; here they cost 2 s.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaint = ''
  app.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  app.on('error', reject)
  app.on('close', (code) => {
    if (code === 0) resolve()
    else reject(new SynthesisError(`The stacks could not be synthesized:\n${complaint}`))
  })
  await promise
}
