import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: resolve(import.meta.dirname, '..'),
  test: {
    include: [
      'tests/unit/**/*.test.ts',
      'tests/drivers/**/*.test.ts',
      'tests/sites/**/*.test.ts',
      'tests/service/**/*.test.ts',
    ],
    globalSetup: ['tests/service/build.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Everything that is printed belongs to a failing test.
    silent: 'passed-only',
    restoreMocks: true,
  },
})
