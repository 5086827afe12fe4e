import { defineConfig } from 'vitest/config'

// Isolation costs ten times what it buys here: no test mocks a module, and state lies in folders.
const shared = {
  isolate: false,
  pool: 'forks' as const,
  // A machine that others use may starve a test of processes; who passes only then is named at the end.
  retry: Number(process.env['PORTAGE_TEST_RETRIES'] ?? 0),
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/{shared,functions,web,bench}/**/*.test.ts'],
          env: { POWERTOOLS_LOG_LEVEL: 'SILENT' },
          // Property tests and workers killed at every step take seconds on a busy machine.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'infra',
          include: ['test/infra/**/*.test.ts'],
          // CloudFormation's validation runs in every synth of its own; here it would triple the time.
          env: { CDK_VALIDATION: 'false', CDK_DISABLE_CLI_TELEMETRY: 'true' },
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'local',
          include: ['test/local/**/*.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'flows',
          include: ['test/flows/**/*.test.ts'],
          globalSetup: ['test/support/assembly.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
