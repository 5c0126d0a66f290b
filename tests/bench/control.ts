import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { site as siteSchema } from '#contract/site.ts'
import { readCapture } from '../../service/capture/read-capture.ts'
import { captureFile } from '../../service/simulation/capture-file.ts'
import { type Controller, createController } from '../../service/simulation/controller.ts'
import { replay } from '../../service/simulation/replay.ts'
import { simulate } from '../../service/simulation/simulate.ts'
import { benchSite } from './support/control-sites.ts'
import { measureFuseReaction } from './support/fuse-reaction.ts'

/**
 * The control step at three sizes of site, a simulated day with the digest of its replay, and how fast a fuse is relieved on
 * the wire. The bound of the step, in the same run: looking once at every reading it is given.
 * `fixed` is a fixed piece of work of the step's median length, cycle by cycle beside it: its p99 is the machine's, not ours.
 */
const { values } = parseArgs({
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, only: { type: 'string' } },
})
const quick = values.quick ?? false
const wanted = (name: string): boolean => values.only === undefined || values.only === name
const round = (value: number): number => Math.round(value * 10_000) / 10_000
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
/** When vehicles have come and the sun is still up. */
const eveningMs = Date.UTC(2026, 5, 1, 18)
const dayMs = 86_400_000
const cycleMs = 1000

/** The first cycles are left out: the code is compiled while it runs. */
const plans = [
  { devices: 20, cycles: quick ? 2000 : 10_000, warmUp: 2000, targetMs: 0.1 },
  { devices: 200, cycles: quick ? 500 : 2000, warmUp: 500, targetMs: 1 },
  { devices: 2000, cycles: quick ? 200 : 500, warmUp: 100, targetMs: 10 },
]

let sink = 1
/** A piece of work that always takes the same time, as far as the machine lets it. */
function spin(rounds: number): void {
  for (let round = 0; round < rounds; round++) sink = (Math.imul(sink, 1_664_525) + 1_013_904_223) | 0
}

/** How much of it takes this long. */
function roundsFor(ms: number): number {
  const sample = 2_000_000
  const times = Array.from({ length: 9 }, () => {
    const startMs = performance.now()
    spin(sample)
    return performance.now() - startMs
  })
  return Math.round(
    (sample * ms) /
      at(
        times.toSorted((a, b) => a - b),
        0,
      ),
  )
}

function stepTimes({ devices, cycles, warmUp, targetMs }: (typeof plans)[number]) {
  const site = benchSite(devices)
  const stepMs: number[] = []
  const fixedMs: number[] = []
  let rounds = 0
  const boundMs: number[] = []
  let decisions = 0
  let looked = 0
  const timed = (): Controller => {
    const control = createController(site)
    return {
      initialState: control.initialState,
      step(gridId, state, input) {
        const startMs = performance.now()
        const result = control.step(gridId, state, input)
        stepMs.push(performance.now() - startMs)
        if (stepMs.length === warmUp)
          rounds = roundsFor(
            at(
              stepMs.toSorted((a, b) => a - b),
              0.5,
            ),
          )
        const fixed = performance.now()
        spin(rounds)
        fixedMs.push(performance.now() - fixed)
        const lookMs = performance.now()
        for (const points of input.readings.values())
          for (const { quality, ageMs } of points.values()) if (quality === 'good' && ageMs < 3000) looked += 1
        boundMs.push(performance.now() - lookMs)
        decisions = result.decisions.length
        return result
      },
    }
  }
  simulate({ site, fromMs: eveningMs, toMs: eveningMs + (cycles + warmUp) * cycleMs, controller: timed })
  const steps = stepMs.slice(warmUp).toSorted((a, b) => a - b)
  const fixed = fixedMs.slice(warmUp).toSorted((a, b) => a - b)
  const bounds = boundMs.slice(warmUp).toSorted((a, b) => a - b)
  return {
    devices,
    cycles,
    decisions,
    readings: Math.round(looked / boundMs.length),
    p50Ms: round(at(steps, 0.5)),
    p99Ms: round(at(steps, 0.99)),
    maxMs: round(at(steps, 1)),
    fixedP50Ms: round(at(fixed, 0.5)),
    fixedP99Ms: round(at(fixed, 0.99)),
    ratioP99ToFixed: round(at(steps, 0.99) / at(fixed, 0.99)),
    boundP50Ms: round(at(bounds, 0.5)),
    ratioToBound: round(at(steps, 0.5) / at(bounds, 0.5)),
    targetP99Ms: targetMs,
    ratioToTarget: round(at(steps, 0.99) / targetMs),
  }
}

async function simulatedDay() {
  const site = benchSite(20)
  const days = quick ? 0.1 : 1
  const run = { site, fromMs: eveningMs, toMs: eveningMs + days * dayMs }
  const startMs = performance.now()
  const cpu = process.threadCpuUsage()
  const report = simulate(run)
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.threadCpuUsage(cpu)
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-'))
  try {
    const file = join(folder, 'day.jsonl.gz')
    {
      await using capture = captureFile(file, site)
      simulate({ ...run, onStep: capture.add })
    }
    const replayMs = performance.now()
    const again = await replay({ records: readCapture(file), parseSite: (value) => siteSchema.parse(value) })
    const replayS = (performance.now() - replayMs) / 1000
    const shortDays = quick ? 0.5 : 5
    const yearMs = performance.now()
    const yearCpu = process.threadCpuUsage()
    simulate({ ...run, cycleMs: 10_000, toMs: eveningMs + shortDays * dayMs })
    const yearS = (((performance.now() - yearMs) / 1000) * 365) / shortDays
    const ofYear = process.threadCpuUsage(yearCpu)
    return {
      devices: 20,
      days,
      steps: report.cycles,
      dayS: round(seconds / days),
      dayCpuS: round((user + system) / 1e6 / days),
      dayTargetS: 10,
      digest: report.digest,
      digestOfReplay: again.digest,
      digestsEqual: again.identical && again.digest === report.digest,
      replayS: round(replayS),
      violations: report.violations,
      yearAt10sS: round(yearS),
      yearCpuS: round((((ofYear.user + ofYear.system) / 1e6) * 365) / shortDays),
      yearIs: `${shortDays} days at a 10 s cycle, times ${365 / shortDays}`,
      yearTargetS: 360,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fuseReaction() {
  const { boundMs, reactions, latenessMaxMs } = await measureFuseReaction(quick ? 10 : 100)
  const sorted = (of: (reaction: (typeof reactions)[number]) => number): number[] =>
    reactions.map(of).toSorted((a, b) => a - b)
  const kept = sorted(({ keptMs }) => keptMs)
  const maxS = at(kept, 1) / 1000
  // A change right after a measurement waits for a whole cycle.
  const boundS = (cycleMs + boundMs) / 1000
  return {
    chargers: 20,
    runs: reactions.length,
    cycleS: cycleMs / 1000,
    keptP50S: round(at(kept, 0.5) / 1000),
    keptP95S: round(at(kept, 0.95) / 1000),
    keptMaxS: round(maxS),
    overTarget: kept.filter((ms) => ms >= 1500).length,
    keptIs: 'from the change of the meter to the acknowledged write with which all setpoints together keep the fuse',
    targetS: 1.5,
    neverKept: kept.filter((ms) => Number.isNaN(ms)).length,
    lastCorrectionMaxS: round(
      at(
        sorted(({ lastWriteMs }) => lastWriteMs),
        1,
      ) / 1000,
    ),
    cycleLatenessMaxS: round(latenessMaxMs / 1000),
    fewestChargersWritten: Math.min(...reactions.map(({ chargersWritten }) => chargersWritten)),
    overFuseMaxS: round(
      at(
        sorted(({ overMs }) => overMs),
        1,
      ) / 1000,
    ),
    boundS: round(boundS),
    boundIs: 'one cycle, one read of the meter and one request to every charger, without control',
    ratioToBound: round(maxS / boundS),
  }
}

const step = wanted('step') ? plans.map(stepTimes) : []
const day = wanted('day') ? await simulatedDay() : undefined
const reaction = wanted('reaction') ? await fuseReaction() : undefined
process.stdout.write(`${JSON.stringify({ bench: 'control', step, day, reaction })}\n`)
