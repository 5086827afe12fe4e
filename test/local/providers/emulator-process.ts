/** Child process of tests that kill an emulator; told which one, and where its data is. */
import { LocalClock } from '../../../infra/local/clock.ts'
import { EMULATORS } from '../../../infra/local/providers/emulators.ts'
import { oauthProviderId } from '../../../shared/contract/common.ts'

const [, , id, dataDir = ''] = process.argv
const emulator = EMULATORS[oauthProviderId.parse(id)].create({ dataDir, clock: new LocalClock() })
process.send?.(await emulator.listen(0))
