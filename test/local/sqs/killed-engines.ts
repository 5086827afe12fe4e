import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { clientConfig, makePrincipal } from '../gateway/harness.ts'

export interface KilledEngines {
  clientOptions: ReturnType<typeof clientConfig>
  /** Repeats the work until the engines have died; what breaks before that is the test's failure. */
  load(work: () => Promise<void>): Promise<void>
  /** `kill -9`; resolves when nothing of the process is left. */
  kill(): Promise<void>
}

/** The small engines in a process of their own, to be killed under load. */
export async function startKilledEngines(dataDir: string): Promise<KilledEngines> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'engines-killed-child.ts'), dataDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const died = once(child, 'exit')
  const [url] = await once(createInterface({ input: child.stdout }), 'line')
  let isKilled = false
  return {
    clientOptions: clientConfig(String(url), makePrincipal()),
    async load(work) {
      for (;;) {
        try {
          await work()
        } catch (error) {
          // Calls that were on their way when the engines died have no answer: that is the point.
          if (isKilled) return
          throw error
        }
      }
    },
    async kill() {
      isKilled = true
      child.kill('SIGKILL')
      await died
    },
  }
}
