/**
 * A process with eight callers that share nothing but the table. Prints a line when it is loaded,
 * asks when it is told to by a line on stdin, and prints what each of its callers got.
 */
import { once } from 'node:events'
import { environmentProviders } from '../../shared/accounts/environment.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const CALLERS = 8
const [grantId = ''] = process.argv.slice(2)
const callers = Array.from({ length: CALLERS }, () => environmentProviders(environmentTable()))

async function ask(): Promise<void> {
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
  const lives = await Promise.all(callers.map(({ freshToken }) => freshToken(grantId)))
  process.stdout.write(`${JSON.stringify(lives.map(({ accessToken }) => accessToken))}\n`)
  process.stdin.destroy()
}

ask().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
