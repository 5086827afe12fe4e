/** Child process of `provider-cloud.ts`: a provider's emulator; messages name clients that it is to know. */
import { LocalClock } from '../../infra/local/clock.ts'
import { EMULATORS } from '../../infra/local/providers/emulators.ts'
import { mustBeProvider } from './rclone-remotes.ts'

const [provider, dataDir = ''] = process.argv.slice(2)
const emulator = EMULATORS[mustBeProvider(provider)].create({ dataDir, clock: new LocalClock() })
process.on('message', (client: Parameters<typeof emulator.registerClient>[0]) => {
  emulator.registerClient(client)
  process.send?.({})
})
process.on('disconnect', () => process.exit())
process.send?.(await emulator.listen(0))
