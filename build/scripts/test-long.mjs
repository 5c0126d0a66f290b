// test-long.mjs [NAME] [--quick]: campaigns that take longer than a test run; all of them, or one. The last line is
// "N passed, N failed, N skipped", as in the test run.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureInstalled, pinnedNode, root, toolEnvironment } from './install.mjs'

const campaigns = {
  fuzz: {
    what: 'a million damaged frames through every parser, by chance and guided by coverage; a long time on a bad line',
    run: (quick) => [
      vitest(['tests/unit/drivers/modbus/frames.test.ts'], { R_EMS_FUZZ_RUNS: quick ? '20000' : '1000000' }),
      program('tests/drivers/fuzz/run.ts', ['--runs', quick ? '20000' : '1000000']),
      vitest(['tests/drivers/line/bus.test.ts'], { R_EMS_LINE_ROUNDS: quick ? '300' : '20000' }),
    ],
  },
  scan: {
    what: 'slow devices at any unit ID of a line; calls in any order while nobody is armed, with every frame looked at',
    run: (quick) => [
      vitest(['tests/drivers/scan/line.test.ts'], { R_EMS_SCAN_ROUNDS: quick ? '20' : '500' }),
      vitest(['tests/drivers/scan/read-only.test.ts'], { R_EMS_READ_ONLY_RUNS: quick ? '40' : '1000' }),
    ],
  },
  kill: {
    what: 'the writing process is killed 500 times; nothing acknowledged may be lost',
    run: (quick) => [
      vitest(['tests/unit/storage/kill.test.ts'], { R_EMS_TEST_KILLS: quick ? '20' : '500' }),
      vitest(['tests/service/kill.test.ts']),
    ],
  },
  control: {
    what: 'a hundred thousand random sites per law of the control step; the optima with many more sites',
    run: (quick) => [
      vitest(['tests/sites/properties/laws.test.ts'], { R_EMS_PROPERTY_RUNS: quick ? '2000' : '100000' }),
      vitest(['tests/sites/properties/optimum.test.ts'], { R_EMS_PROPERTY_RUNS: quick ? '500' : '5000' }),
    ],
  },
  weeks: {
    what: 'a week of real homes and garages through the simulation, with a load step every minute on top',
    run: (quick) => [program('tests/sites/real/weeks.ts', ['--days', quick ? '1' : '7'])],
  },
  mutate: {
    what: 'small mistakes planted into the code that keeps limits and guards writes; the tests must notice 80 %',
    run: (quick) => [program('build/scripts/mutate.mjs', quick ? ['--sample', '20'] : [])],
  },
  sniff: {
    what: '10 MB of mixed traffic at three bit error rates through the sniffer',
    run: (quick) => [
      vitest(['tests/unit/commissioning/listen/sniffer.test.ts'], { R_EMS_SNIFF_MB: quick ? '2' : '10' }),
    ],
  },
  soak: {
    what: 'the service with its demo plant for an hour (R_EMS_SOAK_MINUTES): memory, lateness, faults',
    async run(quick) {
      const { ensureBuilt } = await import('./build.mjs')
      await ensureBuilt(['service', 'renderer'])
      return [program('tests/service/soak.ts', ['--minutes', process.env.R_EMS_SOAK_MINUTES ?? (quick ? '1' : '60')])]
    },
  },
}

const usage = `usage: npm run test:long -- [NAME] [--quick]\n\n${Object.entries(campaigns)
  .map(([name, { what }]) => `  ${name.padEnd(7)} ${what}\n`)
  .join('')}\nWithout a name all of them run. --quick: the same with small counts, to see that they work.\n`

function vitest(files, environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-long-'))
  const report = join(folder, 'report.json')
  const args = ['run', '--config', 'tests/vitest.config.ts', '--reporter=verbose', '--reporter=json']
  const { status } = spawnSync('vitest', [...args, `--outputFile.json=${report}`, ...files], {
    cwd: root,
    env: toolEnvironment(environment),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}
  rmSync(folder, { recursive: true, force: true })
  const failed = counts.numFailedTests ?? 0
  return {
    passed: counts.numPassedTests ?? 0,
    failed: failed + (status !== 0 && failed === 0 ? 1 : 0),
    skipped: counts.numPendingTests ?? 0,
  }
}

/** A program that prints its result lines and ends with the counts line. */
function program(file, args) {
  const { stdout } = spawnSync(pinnedNode(), [file, ...args], {
    cwd: root,
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  process.stdout.write(stdout)
  const [, passed, failed, skipped] = /(\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(stdout) ?? [0, 0, 1, 0]
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }
}

function commit() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''
  const hash = git('rev-parse', 'HEAD')
  if (hash === '') return 'no commit: not a git work tree'
  return `commit ${hash}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', with uncommitted changes'}`
}

let options
try {
  options = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' }, help: { type: 'boolean' } } })
} catch (error) {
  process.stderr.write(`${error.message}\n\n${usage}`)
  process.exit(2)
}
const { values, positionals } = options
const unknown = positionals.find((name) => !Object.hasOwn(campaigns, name))
if (values.help || unknown !== undefined) {
  const stream = values.help ? process.stdout : process.stderr
  stream.write(unknown === undefined ? usage : `there is no campaign "${unknown}"\n\n${usage}`)
  process.exit(values.help ? 0 : 2)
}

ensureInstalled()
const total = { passed: 0, failed: 0, skipped: 0 }
for (const name of positionals.length > 0 ? positionals : Object.keys(campaigns)) {
  const startMs = Date.now()
  process.stdout.write(`== ${name}: ${campaigns[name].what}\n`)
  const results = await campaigns[name].run(values.quick)
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const result of results) for (const key of Object.keys(sum)) sum[key] += result[key]
  for (const key of Object.keys(sum)) total[key] += sum[key]
  const seconds = Math.round((Date.now() - startMs) / 1000)
  process.stdout.write(
    `== ${name}: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped (${seconds} s)\n`,
  )
}
process.stdout.write(`${commit()}\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed > 0 ? 1 : 0
