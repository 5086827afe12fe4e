/**
 * A process with eight callers that share nothing but the table. Prints a line when it is loaded;
 * to each grant's id on stdin it answers with what each of its callers got.
 */
import { createInterface } from 'node:readline'
import { environmentProviders } from '../../shared/accounts/environment.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const CALLERS = 8
const callers = Array.from({ length: CALLERS }, () => environmentProviders(environmentTable()))

async function answer(): Promise<void> {
  process.stdout.write('ready\n')
  for await (const grantId of createInterface({ input: process.stdin })) {
    const lives = await Promise.all(callers.map(({ freshToken }) => freshToken(grantId)))
    process.stdout.write(`${JSON.stringify(lives.map(({ accessToken }) => accessToken))}\n`)
  }
}

answer().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
