import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    globalSetup: ['test/support/assembly.ts'],
    fileParallelism: false,
    retry: Number(process.env['PORTAGE_TEST_RETRIES'] ?? 0),
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
})
