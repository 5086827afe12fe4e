import { expect } from 'vitest'
import type { Clock } from '../../../infra/local/clock.ts'
import type { AccessRequest, AwsCall, AwsEngine } from '../../../infra/local/engine.ts'
import { clientConfig, makePrincipal, startGateway } from '../gateway/harness.ts'

export interface AwsEndpoint {
  url: string
  /** What each call asked permission for, in order. */
  accessRequests: AccessRequest[][]
  /** Calls whose engine has not finished with them. */
  runningCalls(): number
  /** Settings of an SDK client that may do everything; it signs by the engines' clock. */
  clientOptions: ReturnType<typeof clientConfig> & { systemClockOffset: number }
  close(): Promise<void>
}

/** Time that stands still until a test moves it, so that no test depends on how fast it runs. */
export class TestClock implements Clock {
  #nowMs = Date.parse('2026-08-01T10:00:00Z')

  now(): number {
    return this.#nowMs
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000
  }

  /** What a client has to add to the machine's time to sign by this one. */
  get signingOffsetMs(): number {
    return this.#nowMs - Date.now()
  }
}

/** Engines by the signing name of their service, as their callers meet them: behind the gateway. */
export async function serveEngines(
  engines: Record<string, AwsEngine>,
  clock: TestClock,
): Promise<AwsEndpoint> {
  const accessRequests: AccessRequest[][] = []
  let running = 0
  const watched = Object.entries(engines).map(([service, engine]) => {
    const watch = async (call: AwsCall): Promise<AccessRequest[]> => {
      const asked = await engine.accessRequests(call)
      accessRequests.push(asked)
      return asked
    }
    const handle: AwsEngine['handle'] = async (call, response) => {
      running += 1
      await engine.handle(call, response).finally(() => {
        running -= 1
      })
    }
    return [service, { ...engine, accessRequests: watch, handle }] as const
  })
  const principal = makePrincipal()
  const { gateway, endpoint } = await startGateway(Object.fromEntries(watched), [principal], {
    clock,
  })
  return {
    url: endpoint,
    accessRequests,
    runningCalls: () => running,
    clientOptions: {
      ...clientConfig(endpoint, principal),
      systemClockOffset: clock.signingOffsetMs,
    },
    close: () => gateway.close(),
  }
}

/** A refusal by its code; services end the names of some codes in "Exception" and of some not. */
export function refused(code: string): unknown {
  return expect.objectContaining({ name: expect.stringMatching(`^${code}(Exception)?$`) })
}
