/** Child process of `state.test.ts`: an emulator that can be killed. */
import { LocalClock } from '../../../../infra/local/clock.ts'
import { createDropboxEmulator } from '../../../../infra/local/providers/dropbox/dropbox-emulator.ts'

const emulator = createDropboxEmulator({ dataDir: process.argv[2] ?? '', clock: new LocalClock() })
process.send?.(await emulator.listen(0))
