import { parseArgs } from 'node:util'
import { fuzz } from './campaign.ts'
import { startCoverage } from './coverage.ts'
import { targets } from './targets.ts'

/** run.ts [--runs N] [--seed S]: N coverage-guided mutations through every target. Prints one line each; exit code 1 on a find. */
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
})
const runs = Number(values.runs)
let failed = 0
for (const target of targets) {
  const startMs = performance.now()
  await using coverage = await startCoverage('/service/drivers/')
  const { failure, corpus, slowestMs, ...found } = await fuzz(target, runs, Number(values.seed), coverage)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  const text = `${found.runs} inputs, corpus ${target.seeds.length} to ${corpus}, slowest ${slowestMs} ms, ${seconds} s`
  process.stdout.write(`${failure ? 'FAIL' : 'ok  '} ${target.name}: ${text}\n`)
  if (!failure) continue
  failed++
  process.stdout.write(`     input ${failure.input}\n     ${failure.error.replaceAll('\n', '\n     ')}\n`)
}
process.stdout.write(`${targets.length - failed} passed, ${failed} failed, 0 skipped\n`)
process.exitCode = failed > 0 ? 1 : 0
