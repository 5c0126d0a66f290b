// The whole test run: checks, unit and integration tests, the web UI in Chromium, the app in Electron.
// The last line is "N passed, N failed, N skipped" with the true counts of everything that ran.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ensureInstalled, root, toolEnvironment } from './install.mjs'
import { ensureSystemPackages, findChromium, findProgram } from './system.mjs'

const total = { passed: 0, failed: 0, skipped: 0 }
const reports = mkdtempSync(join(tmpdir(), 'r-ems-test-'))

function count(lane, { passed = 0, failed = 0, skipped = 0 }, startedMs) {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
  process.stdout.write(`\n== ${lane}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)\n`)
}

function run(command, args, environment = {}) {
  return spawnSync(command, args, {
    cwd: root,
    env: toolEnvironment(environment),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

async function checks() {
  const started = Date.now()
  const { runChecks } = await import('./check.mjs')
  const result = { passed: 0, failed: 0 }
  for (const { name, ok, output } of runChecks()) {
    process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name}\n${ok ? '' : output}`)
    result[ok ? 'passed' : 'failed'] += 1
  }
  count('checks', result, started)
}

function unit() {
  const started = Date.now()
  const file = join(reports, 'unit.json')
  const { status } = run('vitest', [
    'run',
    '--config',
    'tests/vitest.config.ts',
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ])
  const report = readReport(file)
  const failed = report?.numFailedTests ?? 0
  // A run that broke outside a test (an unhandled error, a file that does not load) is a failure too.
  const broken = status !== 0 && failed === 0 ? 1 : 0
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  count('unit and integration', { passed: report?.numPassedTests ?? 0, failed: failed + broken, skipped }, started)
}

function playwright(lane, project, environment, wrapper = []) {
  const started = Date.now()
  const file = join(reports, `${project}.json`)
  const [command, ...args] = [
    ...wrapper,
    'playwright',
    'test',
    '--config',
    'tests/playwright.config.ts',
    '--project',
    project,
  ]
  const { status } = run(command, [...args, '--reporter=dot,json'], {
    ...environment,
    PLAYWRIGHT_JSON_OUTPUT_NAME: file,
  })
  const report = readReport(file)
  const stats = report?.stats
  const failed = (stats?.unexpected ?? 0) + (stats?.flaky ?? 0)
  const broken = status !== 0 && failed === 0 ? 1 : 0
  count(
    `${lane}${electronVersion(report)}`,
    { passed: stats?.expected ?? 0, failed: failed + broken, skipped: stats?.skipped ?? 0 },
    started,
  )
}

/** The Electron that the tests themselves saw, so that the lane is reported under its true name. */
function electronVersion(report) {
  const seen = JSON.stringify(report ?? '').match(/"type":"electron","description":"([^"]+)"/)
  return seen ? ` ${seen[1]}` : ''
}

/** A real Electron: the package's own binary, or the runtime kept for tests beside the project. */
function electronRuntime() {
  const own = join(root, 'node_modules/electron/dist')
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) return process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (existsSync(join(own, 'version'))) return own
  const script = resolve(root, '../shared/tools/electron-runtime.sh')
  if (existsSync(script)) {
    const prepared = spawnSync('bash', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    if (prepared.status === 0) return prepared.stdout.trim()
  }
  const download = spawnSync(process.execPath, [join(root, 'node_modules/electron/install.js')], { stdio: 'inherit' })
  return download.status === 0 && existsSync(join(own, 'version')) ? own : undefined
}

ensureInstalled()
ensureSystemPackages()
const { ensureBuilt } = await import('./build.mjs')
const startedBuild = Date.now()
try {
  await ensureBuilt(['service', 'renderer', 'desktop'])
  count('build', { passed: 1 }, startedBuild)
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
  count('build', { failed: 1 }, startedBuild)
}
await checks()
unit()
const chromium = findChromium()
if (chromium) {
  playwright('web UI in Chromium', 'web', { CHROMIUM_PATH: chromium })
  playwright('web UI on emulated lines', 'line', { CHROMIUM_PATH: chromium })
} else {
  process.stdout.write('No Chromium: install the package chromium, or set CHROMIUM_PATH. The web UI was not tested.\n')
  count('web UI in Chromium', { failed: 1 }, Date.now())
}
const electron = electronRuntime()
if (electron) {
  const wrapper = process.platform === 'linux' && !process.env.DISPLAY ? ['xvfb-run', '-a'] : []
  if (wrapper.length > 0 && !findProgram('xvfb-run')) {
    process.stdout.write('No display and no xvfb-run: install the package xvfb. The desktop app was not tested.\n')
    count('desktop app in Electron', { failed: 1 }, Date.now())
  } else {
    playwright('desktop app in Electron', 'desktop', { ELECTRON_OVERRIDE_DIST_PATH: electron }, wrapper)
  }
} else {
  process.stdout.write('No Electron runtime could be had; the desktop app was not tested.\n')
  count('desktop app in Electron', { failed: 1 }, Date.now())
}
rmSync(reports, { recursive: true, force: true })
process.exitCode = total.failed > 0 ? 1 : 0
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
