/** Child process of `rclone-daemon.ts`: the TLS redirection, which tells its processor time when asked. */
import { GOOGLE_HOSTS } from '../../infra/local/providers/google/google-emulator.ts'
import { startTlsFront } from '../local/providers/rclone/tls-front.ts'

const { proxyUrl, authority } = await startTlsFront(process.argv[2] ?? '', GOOGLE_HOSTS)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuSeconds: (user + system) / 1e6 })
})
process.on('disconnect', () => process.exit())
process.send?.({ proxyUrl, authority })
