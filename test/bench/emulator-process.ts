/** Child process of `delivery-rate.ts`: the Google emulator; messages name clients that it is to know. */
import { LocalClock } from '../../infra/local/clock.ts'
import { createGoogleEmulator } from '../../infra/local/providers/google/google-emulator.ts'

const emulator = createGoogleEmulator({ dataDir: process.argv[2] ?? '', clock: new LocalClock() })
process.on('message', (client: Parameters<typeof emulator.registerClient>[0]) => {
  emulator.registerClient(client)
  process.send?.({})
})
process.on('disconnect', () => process.exit())
process.send?.(await emulator.listen(0))
