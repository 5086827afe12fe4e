/** Child process of `kill.test.ts`: an emulator that can be killed. */
import { LocalClock } from '../../../../infra/local/clock.ts'
import { createGoogleEmulator } from '../../../../infra/local/providers/google/google-emulator.ts'

const emulator = createGoogleEmulator({ dataDir: process.argv[2] ?? '', clock: new LocalClock() })
process.send?.(await emulator.listen(0))
