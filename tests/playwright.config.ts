import { defineConfig } from '@playwright/test'
import { existsSync } from 'node:fs'

/** The distribution's browser; without one Playwright looks for its own. */
const chromium = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium'].find((path) => path && existsSync(path))

const browser = {
  viewport: { width: 1440, height: 900 },
  launchOptions: { chromiumSandbox: false, ...(chromium && { executablePath: chromium }) },
}
/** These scan emulated lines in real time: beside other tests, a stalled answer is a missed unit. */
const onLines = 'web-workbench.spec.ts'

export default defineConfig({
  testDir: './app',
  timeout: 90_000,
  expect: { timeout: 20_000 },
  forbidOnly: true,
  workers: 2,
  reporter: 'list',
  use: { trace: 'retain-on-failure' },
  projects: [
    {
      name: 'web',
      outputDir: './app/results/web',
      testMatch: 'web*.spec.ts',
      testIgnore: onLines,
      fullyParallel: true,
      use: browser,
    },
    { name: 'line', outputDir: './app/results/line', testMatch: onLines, workers: 1, use: browser },
    // Electron windows share the display, and their tests measure time.
    { name: 'desktop', outputDir: './app/results/desktop', testMatch: 'desktop*.spec.ts', workers: 1 },
  ],
})
