/** Runs Vitest in a process of its own and says how it went. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestOutcome {
  passed: number
  failed: number
}

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numFailedTestSuites: number
  success: boolean
}

const root = join(import.meta.dirname, '..', '..')

/** Watched live; the figures are read from a report because Vitest's closing lines are for people. */
export async function runVitest(args: string[]): Promise<TestOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'portage-tests-'))
  const reportFile = join(folder, 'report.json')
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const reporters = [
      '--reporter=dot',
      '--reporter=json',
      `--reporter=${join(import.meta.dirname, 'second-try-reporter.ts')}`,
      `--outputFile.json=${reportFile}`,
    ]
    const vitest = spawn('vitest', ['run', ...reporters, ...args], { cwd: root, stdio: 'inherit' })
    vitest.on('error', reject)
    vitest.on('close', () => resolve())
    await promise
    return outcome(JSON.parse(readFileSync(reportFile, 'utf8')) as VitestReport)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A file that fails to load has no failed test of its own, but it must not pass unseen. */
function outcome(report: VitestReport): TestOutcome {
  const unseen = !report.success && report.numFailedTests === 0
  return {
    passed: report.numPassedTests,
    failed: unseen ? Math.max(1, report.numFailedTestSuites) : report.numFailedTests,
  }
}
