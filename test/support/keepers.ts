/** Time that passes: what has become due is found by the sweep, and its workers do it. */
import type { OauthProviderId } from '../../shared/contract/common.ts'
import { SWEEP } from './deliveries.ts'
import type { TestCloud } from './local-cloud.ts'
import { suiteOf } from './providers.ts'
import { until } from './until.ts'

/** Moves the clock and returns when everything that is due by then is done. */
export async function pass(test: TestCloud, seconds: number): Promise<void> {
  await test.cloud.advanceClock(seconds)
  await test.cloud.schedules.run(SWEEP)
  await untilQuiet(test)
}

/** Waits until no queue holds anything and no worker is busy. */
export async function untilQuiet({ cloud }: TestCloud): Promise<void> {
  await until(
    () => {
      const { functions } = cloud.lambda.stats()
      const messages = cloud.sqs
        .stats()
        .map(({ available, inFlight, delayed }) => available + inFlight + delayed)
      return (
        functions[SWEEP]?.busy === 0 && messages.every((count) => count === 0) && 'nothing is left'
      )
    },
    { timeoutMs: 60_000 },
  )
}

/**
 * Meanwhile the provider answers nobody who asks whether an account works. The wait that it names
 * is longer than a call waits, so each asks once.
 */
export async function whileProviderFails<Value>(
  test: TestCloud,
  provider: OauthProviderId,
  work: () => Promise<Value>,
): Promise<Value> {
  const fault = { action: 'status:503', retryAfterSeconds: 3600, times: 1000 }
  await test.addFault({ ...suiteOf(provider).requests.quota, ...fault }, provider)
  try {
    return await work()
  } finally {
    await test.clearFaults(provider)
  }
}
