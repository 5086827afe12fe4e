/**
 * `npm test`: lint, types, dead code, then every unit and flow test. The checks run beside each
 * other because each leaves a core half idle; the last line counts them and the tests together.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { runVitest } from './support/run-vitest.ts'

interface Outcome {
  name: string
  passed: boolean
  output: string
}

const root = join(import.meta.dirname, '..')

const CHECKS: [name: string, command: string, ...args: string[]][] = [
  ['lint', 'biome', 'ci', '--error-on-warnings', '.'],
  ['types of the code', 'tsc', '-p', '.'],
  ['types of the stacks', 'tsc', '-p', 'infra'],
  ['types of the dashboard', 'tsc', '-p', 'web'],
  ['types of the portal page', 'tsc', '-p', 'web/portal'],
  ['dead code', 'knip'],
]

function run(name: string, command: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, FORCE_COLOR: '0' } })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.on('error', (error) => resolve({ name, passed: false, output: error.message }))
    child.on('close', (code) => resolve({ name, passed: code === 0, output }))
  })
}

async function runChecks(): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const waiting = [...CHECKS]
  const next = async (): Promise<void> => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const [name, command, ...args] = check
      const outcome = await run(name, command, args)
      console.log(`${outcome.passed ? '✓' : '✗'} ${name}`)
      if (!outcome.passed) console.log(outcome.output)
      outcomes.push(outcome)
    }
  }
  await Promise.all([next(), next()])
  return outcomes
}

const startedAt = performance.now()
const filters = process.argv.slice(2)
const checks = filters.length > 0 ? [] : await runChecks()
const tests = await runVitest(filters)
const failedChecks = checks.filter((check) => !check.passed).length
const failed = failedChecks + tests.failed
console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
console.log(`${checks.length - failedChecks + tests.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
