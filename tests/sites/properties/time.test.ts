import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Site } from '#contract/site.ts'
import { loadWorld } from '../support/load-cases.ts'
import { type PlantState, circuitFlows } from '../support/plant.ts'
import { type Result, type StepFor, afterwards, inputOf, noon, realStep, runs } from './run.ts'

/** What must hold over minutes and hours, not in a single step. */

interface Second {
  readonly plant: PlantState
  readonly result: Result
  readonly importW: number
}

const withLoad = (plant: PlantState, circuit: string, ampere: number): PlantState => ({
  ...plant,
  house: { ...plant.house, [circuit]: [ampere, ampere, ampere] },
})

/** Seconds of control, one cycle each; `houseOf` gives the load of the connection in A per phase. */
function* seconds(
  site: Site,
  stepFor: StepFor,
  plant: PlantState,
  count: number,
  houseOf: (second: number) => number,
): Generator<Second> {
  const next = stepFor(site)
  const root = site.grids[0]!.connection.id
  let now = plant
  let result: Result | undefined
  for (let second = 0; second < count; second += 1) {
    const ampere = houseOf(second)
    now = withLoad(now, root, ampere)
    result = next(result?.state, inputOf(site, now, { atMs: noon + second * 1000 }))
    now = afterwards(site, now, result)
    const flow = circuitFlows(site, now).get(root)!.powerW
    yield { plant: now, result, importW: Math.max(0, flow.l1 + flow.l2 + flow.l3) }
  }
}

const quarterS = 900
const peakW = 10_000
const batteryW = 10_000

/**
 * The battery is held by its price, so that only the peak can make it discharge. The load never needs more than peak and
 * battery together, so the mean of every quarter can be kept, whatever comes next; 0.5 % cover the first second of each rise.
 */
const peak = (stepFor: StepFor) =>
  fc.property(
    fc.array(fc.integer({ min: 0, max: peakW + batteryW - 1000 }), { minLength: 30, maxLength: 30 }),
    (loads) => {
      const site = loadWorld('storage', { economics: { peakImportW: peakW, holdBelow: 1 } })
      const plant = { house: {}, devices: { battery: { powerW: 0, socPercent: 60 }, pv: { powerW: 0 } } }
      let energyWs = 0
      let second = 0
      for (const { importW } of seconds(
        site,
        stepFor,
        plant,
        2 * quarterS,
        (at) => loads[Math.floor(at / 60)]! / 690,
      )) {
        energyWs += importW
        second += 1
        if (second % quarterS !== 0) continue
        if (energyWs / quarterS > peakW * 1.005) throw new Error(`a quarter of ${(energyWs / quarterS).toFixed(0)} W`)
        energyWs = 0
      }
    },
  )

const ignoringPeaks: StepFor = (site) => {
  const { peakImportW: _, ...economics } = site.economics
  return realStep({ ...site, economics })
}

describe('the mean import of each quarter of an hour', () => {
  it('stays below the peak whenever the battery can do it', { timeout: 600_000 }, () => {
    fc.assert(peak(realStep), { numRuns: Math.ceil(runs(1000) / 50), seed: 20_263 })
  })

  it('would not stay there if peaks were ignored', () => {
    expect(fc.check(peak(ignoringPeaks), { numRuns: 20, seed: 20_263, endOnFailure: true }).failed).toBe(true)
  })

  it('does not make the battery discharge before it is needed', () => {
    const site = loadWorld('storage', { economics: { peakImportW: peakW, holdBelow: 1 } })
    const plant = { house: {}, devices: { battery: { powerW: 0, socPercent: 60 }, pv: { powerW: 0 } } }
    // 9 kW all the time: the mean is below the peak without any help.
    for (const { result } of seconds(site, realStep, plant, quarterS, () => 9000 / 690))
      expect(result.decisions.find(({ setpoint }) => setpoint.deviceId === 'battery')?.setpoint.value).toBe(0)
  })
})

/** Share of the time that each of two chargers runs over some hours, with room for one of them only. */
function sharesOfTime(stepFor: StepFor, hours: number): number[] {
  const site = loadWorld('depot')
  const names = ['a1', 'a2']
  const plant = {
    house: { 'feeder-a': [20, 20, 20] as const },
    devices: { a1: { setpointA: 10 }, a2: { setpointA: 0 }, b1: { plugged: false }, b2: { plugged: false } },
  }
  const count = hours * 3600
  const on = [0, 0]
  for (const { plant: now } of seconds(site, stepFor, plant, count, () => 0))
    for (const [at, name] of names.entries()) on[at]! += (now.devices[name]?.setpointA ?? 0) > 0 ? 1 : 0
  return on.map((sum) => sum / count)
}

describe('two chargers with room for one', () => {
  it('take turns, so that each has its part of three hours, and little is lost in between', { timeout: 60_000 }, () => {
    const parts = sharesOfTime(realStep, 3)
    for (const part of parts) expect(part).toBeGreaterThan(0.3)
    expect(parts[0]! + parts[1]!).toBeGreaterThan(0.85)
    expect(parts[0]! + parts[1]!).toBeLessThanOrEqual(1)
  })
})
