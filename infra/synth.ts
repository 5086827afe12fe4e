/**
 * `npm run synth [-- -c stage=prod …]`: builds, then synthesizes with the CDK command line, so that
 * its checks and cdk-nag's have their say.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { buildAll } from './build.ts'

const root = join(import.meta.dirname, '..')

await buildAll({ outDir: join(root, 'dist') })
const cdk = spawn('cdk', ['synth', '--quiet', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
cdk.on('close', (code) => {
  process.exitCode = code ?? 1
})
