/** Child process of `rclone-daemon.ts`: the TLS redirection, which tells its processor time when asked. */
import { startTlsFront } from '../local/providers/rclone/tls-front.ts'
import { mustBeProvider, RCLONE_REMOTES } from './rclone-remotes.ts'

const [provider, emulatorUrl = ''] = process.argv.slice(2)
const { hosts } = RCLONE_REMOTES[mustBeProvider(provider)]
const { proxyUrl, authority } = await startTlsFront(emulatorUrl, hosts)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuSeconds: (user + system) / 1e6 })
})
process.on('disconnect', () => process.exit())
process.send?.({ proxyUrl, authority })
