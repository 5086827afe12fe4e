/** Names the tests that passed only when they were tried again, so that no flake goes unseen. */
import type { Reporter, TestCase } from 'vitest/node'

const SecondTryReporter = class implements Reporter {
  private readonly names: string[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.names.push(`${test.module.moduleId}: ${test.fullName}`)
  }

  onTestRunEnd(): void {
    for (const name of this.names) console.log(`Passed at the second try only: ${name}`)
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter by its default export
export default SecondTryReporter
