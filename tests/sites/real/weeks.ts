// weeks.ts [--days N]: real homes and garages through the simulation; prints the ampere-seconds over each fuse and ends with
// "N passed, N failed, N skipped".
import { parseArgs } from 'node:util'
import { dataIsThere, fuseLines, runReal, scenarios, whyNot } from './scenarios.ts'

const { values } = parseArgs({ options: { days: { type: 'string', default: '7' } } })
const counts = { passed: 0, failed: 0, skipped: 0 }
for (const [name, scenario] of Object.entries(scenarios)) {
  if (!dataIsThere) {
    process.stdout.write(`skipped ${name}: ${whyNot}\n`)
    counts.skipped += 1
    continue
  }
  const startMs = performance.now()
  const described = scenario()
  const run = runReal(described, Number(values.days))
  const { violations, cycles, charging } = run.report
  const bad = violations.physical + violations.safety > 0 || run.bindingCycles === 0
  counts[bad ? 'failed' : 'passed'] += 1
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  process.stdout.write(
    `${bad ? 'FAIL' : 'ok  '} ${described.name}: ${cycles} cycles in ${seconds} s, a fuse bound in ${run.bindingCycles}, ` +
      `violations ${JSON.stringify(violations)}, ${charging.sessions} stays\n${fuseLines(run).join('\n')}\n`,
  )
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
