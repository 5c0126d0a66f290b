import type { PlausibilityCheck } from '#contract/plausibility.ts'
import { nearestPower, powerOfTen, type Values } from './checks.ts'

/** Follows the counters of a device against its power; one per device. */
export interface EnergyWatch {
  /** Takes the present values; what came without a gap counts. */
  observe(values: Values, atMs: number): void
  checks(): PlausibilityCheck[]
}

/** Counter, the power that it counts, and in which direction of it. */
const counters = [
  ['energyImportWh', 'powerW', 1],
  ['energyExportWh', 'powerW', -1],
  ['energyWh', 'powerW', 0],
  ['grid.energyImportWh', 'grid.powerW', 1],
  ['grid.energyExportWh', 'grid.powerW', -1],
  ['battery.energyDischargeWh', 'battery.powerW', 1],
  ['battery.energyChargeWh', 'battery.powerW', -1],
  ['energyDischargeWh', 'powerW', 1],
  ['energyChargeWh', 'powerW', -1],
] as const

/** Of less energy than so many steps of the counter, nothing can be said. */
const leastSteps = 5
const longestGapMs = 15_000
const joulesPerWh = 3600

interface Tally {
  readonly firstWh: number
  readonly counter: string
  readonly power: string
  startMs: number
  lastMs: number
  lastW: number
  nowWh: number
  integratedWh: number
  /** Smallest rise of the counter that was seen: what it can show. */
  stepWh: number
}

export function createEnergyWatch(): EnergyWatch {
  const tallies = new Map<string, Tally>()
  return {
    observe(values, atMs) {
      for (const [counter, power, direction] of counters) {
        const wh = values.get(counter)
        const watts = values.get(power)
        if (wh === undefined || watts === undefined) continue
        const counted = direction === 0 ? Math.abs(watts) : Math.max(0, direction * watts)
        const known = tallies.get(counter)
        if (!known || atMs - known.lastMs > longestGapMs || wh < known.nowWh) {
          tallies.set(counter, {
            counter,
            power,
            firstWh: wh,
            nowWh: wh,
            startMs: atMs,
            lastMs: atMs,
            lastW: counted,
            integratedWh: 0,
            stepWh: Number.POSITIVE_INFINITY,
          })
          continue
        }
        known.integratedWh += ((counted + known.lastW) / 2) * ((atMs - known.lastMs) / 1000 / joulesPerWh)
        if (wh > known.nowWh) known.stepWh = Math.min(known.stepWh, wh - known.nowWh)
        known.nowWh = wh
        known.lastMs = atMs
        known.lastW = counted
      }
    },
    checks: () => [...tallies.values()].map(checkOf),
  }
}

function checkOf({ counter, power, firstWh, nowWh, startMs, lastMs, integratedWh, stepWh }: Tally): PlausibilityCheck {
  const roseWh = nowWh - firstWh
  const minutes = (lastMs - startMs) / 60_000
  const shown = (value: number): string => String(Number(value.toPrecision(3)))
  const tolerance = Math.max(2 * (Number.isFinite(stepWh) ? stepWh : 0), 0.08 * Math.max(integratedWh, roseWh))
  const evidence = `over ${shown(minutes)} min the power makes ${shown(integratedWh)} Wh, and the counter rose by ${shown(roseWh)} Wh`
  const common: Pick<PlausibilityCheck, 'kind' | 'points' | 'unit'> = {
    kind: 'energy-power',
    points: [counter, power],
    unit: 'Wh',
  }
  const enough = Number.isFinite(stepWh) && (roseWh >= leastSteps * stepWh || integratedWh >= leastSteps * stepWh)
  if (!enough && !(minutes > 30 && integratedWh > 100))
    return { ...common, verdict: 'waiting', evidence: `${evidence}: too little to compare yet` }
  const differs = Math.abs(roseWh - integratedWh) > tolerance
  const ratio = integratedWh === 0 ? Number.NaN : roseWh / integratedWh
  return {
    ...common,
    verdict: differs ? 'differs' : 'agrees',
    expected: integratedWh,
    measured: roseWh,
    tolerance,
    evidence,
    ...(differs && {
      suggests: powerOfTen(ratio, 0.05)
        ? `suggests a scale of the counter that is wrong by ${nearestPower(ratio)}`
        : integratedWh < tolerance
          ? 'suggests that the counter counts the other direction, or that the power has the other sign'
          : 'suggests that the counter, or the power, is something else',
    }),
  }
}
