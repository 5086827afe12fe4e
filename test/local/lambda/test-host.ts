import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { LocalClock } from '../../../infra/local/clock.ts'
import type { LambdaLogLine, LocalFunction } from '../../../infra/local/lambda/invocation.ts'
import {
  createLambdaHost,
  type LambdaHost,
  type LambdaHostOptions,
} from '../../../infra/local/lambda/lambda-host.ts'
import { startWarden } from '../../../infra/local/lambda/warden.ts'

export interface TestHost {
  host: LambdaHost
  clock: LocalClock
  dataDir: string
  lines: LambdaLogLine[]
  /** Registers a function whose module body is `source`. */
  given(name: string, source: string, properties?: Partial<LocalFunction>): void
  /** Invokes and parses the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: each function answers in its own shape.
  answerOf(name: string, payload?: unknown): Promise<any>
  logOf(name: string): string
}

/** A host with a warden, a clock and a directory of its own; all end with the test. */
export function startTestHost(options: Partial<LambdaHostOptions> = {}): TestHost {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambda-host-'))
  const clock = new LocalClock()
  const warden = startWarden()
  const lines: LambdaLogLine[] = []
  const host = createLambdaHost({
    clock,
    warden,
    dataDir,
    overlayEnv: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    onLog: (line) => lines.push(line),
    ...options,
  })
  onTestFinished(async () => {
    await host.close()
    await warden.close()
    rmSync(dataDir, { recursive: true })
  })
  return {
    host,
    clock,
    dataDir,
    lines,
    given: (name, source, properties = {}) => {
      const codeDir = join(dataDir, 'assets', name)
      mkdirSync(codeDir, { recursive: true })
      writeFileSync(join(codeDir, 'index.js'), source)
      host.register({
        name,
        codeDir,
        handler: 'index.handler',
        memoryMb: 256,
        // Far more than any handler here needs, so that a busy machine changes nothing.
        timeoutSeconds: 60,
        environment: { TABLE_NAME: 'table' },
        credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret', sessionToken: 'token' },
        ...properties,
      })
    },
    answerOf: async (name, payload = {}) => JSON.parse((await host.invoke(name, payload)).payload),
    logOf: (name) =>
      lines
        .filter(({ functionName }) => functionName === name)
        .map(({ line }) => line)
        .join('\n'),
  }
}
