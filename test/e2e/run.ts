/** `npm run test:e2e`: the pages in Chromium, against the whole service. */
import { existsSync } from 'node:fs'
import { runVitest } from '../support/run-vitest.ts'
import { CHROMIUM } from './browser.ts'

if (!existsSync(CHROMIUM)) {
  console.error(
    `There is no Chromium at ${CHROMIUM}. Install it (Debian: apt-get install chromium) or set CHROMIUM to where it is.`,
  )
  process.exit(1)
}
const { passed, failed } = await runVitest([
  '--config',
  'test/e2e/vitest.config.ts',
  ...process.argv.slice(2),
])
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
